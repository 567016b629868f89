"""Query parameters: what a route does not declare is refused, and nothing else.

The laws: a route knows exactly the parameters that the document shows for it, the common ones, and
those that only clients of Kubernetes send, which the document does not show; a request with any
other, or with one of them twice, is 400 on every route, and changes nothing.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams
from starlette.routing import Route

from app.api import application
from app.api.access.routes import COMMON, list_names_of, query_names_of
from app.api.http.parameters import NAMED_MAX, SHOWN_CHARACTERS_MAX, require_known
from app.domain.errors import BadRequest
from app.main import VERSION
from tests.api.access.guarded import guarded
from tests.api.objects.test_collections import a_manifest, created
from tests.declared import resolved

Wire = dict[str, Any]
KNOWN: Final = frozenset({"dryRun", "fieldManager", "fieldValidation", "pretty"})
APP: Final = application.build(version=VERSION)
ROUTES: Final = [
    route for router in application.ROUTERS for route in router.routes if isinstance(route, Route)
]
OPERATIONS: Final = [
    (method, route.path) for route in ROUTES for method in sorted(route.methods or ())
]


def documented() -> Iterator[tuple[str, str, set[str]]]:
    for path, operations in APP.openapi()["paths"].items():
        for method, operation in operations.items():
            parameters: list[Wire] = [*map(resolved, operation.get("parameters", []))]
            names = {each["name"] for each in parameters if each["in"] == "query"}
            yield method.upper(), path, names


def refusal_of(query: str, known: frozenset[str] = KNOWN) -> BadRequest | None:
    try:
        require_known(QueryParams(query), known)
    except BadRequest as refusal:
        return refusal
    return None


UNSHOWN: Final[dict[str, set[str]]] = {
    "read": {"verbose"},
    "list": {"watch", "timeoutSeconds", "allowWatchBookmarks", "sendInitialEvents"},
    "write": {"fieldManager"},
    "delete": {"propagationPolicy", "orphanDependents"},
}
OF_NAMESPACES: Final = {"namespace", "visible"}  # without effect on lists of the whole cluster


def test_a_route_knows_the_parameters_of_the_document_and_those_of_kubernetes_clients() -> None:
    known = {
        (method, route.path): query_names_of(route)
        for route in ROUTES
        for method in route.methods or ()
    }
    for method, path, names in documented():
        unshown = known[method, path] - names - COMMON
        allowed = (set[str](), *UNSHOWN.values(), UNSHOWN["list"] | OF_NAMESPACES)
        assert unshown in allowed, (method, path)
        assert names <= known[method, path], (method, path)


def test_a_parameter_may_be_repeated_if_the_document_says_that_it_is_a_list() -> None:
    lists = {
        (method.upper(), path, parameter["name"])
        for path, operations in APP.openapi()["paths"].items()
        for method, operation in operations.items()
        for parameter in map(resolved, operation.get("parameters", []))
        if parameter["schema"].get("type") == "array"
    }
    assert lists == {("GET", "/resolve", "search")}
    repeated = {
        (method, route.path, name)
        for route in ROUTES
        for method in route.methods or ()
        for name in list_names_of(route)
    }
    assert repeated == lists


async def test_a_list_is_read_with_commas_or_repeated(api: httpx.AsyncClient) -> None:
    answers = [
        (await api.get(f"/resolve?name=ent&search={query}")).json()["resolvConf"]["search"]
        for query in ("a.example,b.example", "a.example&search=b.example")
    ]
    assert answers == [["a.example", "b.example"]] * 2


@given(st.dictionaries(st.sampled_from(sorted(KNOWN)), st.text(max_size=5)))
def test_known_parameters_are_accepted_each_once(query: dict[str, str]) -> None:
    assert refusal_of("&".join(f"{name}={quote(value)}" for name, value in query.items())) is None


@given(st.dictionaries(st.text(max_size=80), st.text(max_size=5)))
def test_all_unknown_parameters_are_named_at_once(query: dict[str, str]) -> None:
    unknown = [name for name in query if name not in KNOWN]
    pairs = (f"{quote(name, safe='')}={quote(value)}" for name, value in query.items())
    refusal = refusal_of("&".join(pairs))
    fields = [] if refusal is None else [cause.field for cause in refusal.causes]
    assert fields == [name[:SHOWN_CHARACTERS_MAX] for name in unknown[:NAMED_MAX]]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("dryrun=All", 'unknown parameter "dryrun": did you mean "dryRun"?'),
        ("dry_run=All", 'unknown parameter "dry_run": did you mean "dryRun"?'),
        (
            "DRYRUN&fieldmanagr=x",
            (
                'unknown parameter "DRYRUN": did you mean "dryRun"?; '
                'unknown parameter "fieldmanagr": did you mean "fieldManager"?'
            ),
        ),
        (
            "x=1",
            'unknown parameter "x"; known here: dryRun, fieldManager, fieldValidation, pretty',
        ),
        ("dryRun=All&dryRun=All", 'parameter "dryRun" is given more than once'),
        ("dryRun=All&%64ryRun=", 'parameter "dryRun" is given more than once'),
        (
            "dryRun=All&dryRun=&dryrn",
            (
                'parameter "dryRun" is given more than once; '
                'unknown parameter "dryrn": did you mean "dryRun"?'
            ),
        ),
        ("dryrun=1&dryrun=2", 'unknown parameter "dryrun": did you mean "dryRun"?'),
        ("=x", 'unknown parameter ""; known here: dryRun, fieldManager, fieldValidation, pretty'),
    ],
)
def test_a_refusal_names_the_parameter_that_was_probably_meant(query: str, message: str) -> None:
    refusal = refusal_of(query)
    assert refusal is not None
    assert str(refusal) == message


@pytest.mark.parametrize("query", ["", "&", "&&dryRun=All&", "pretty", "dryRun"])
def test_empty_pairs_and_values_are_accepted(query: str) -> None:
    assert refusal_of(query) is None


def test_a_refusal_names_a_bounded_number() -> None:
    refusal = refusal_of("&".join(f"p{number}{'y' * 500}" for number in range(NAMED_MAX + 8)))
    assert refusal is not None
    assert len(refusal.causes) == NAMED_MAX
    assert "; and 8 more; known here: " in str(refusal)
    assert len(str(refusal)) < NAMED_MAX * (SHOWN_CHARACTERS_MAX + 40)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
async def test_no_route_is_reached_with_an_unknown_parameter(
    api: httpx.AsyncClient, method: str, path: str
) -> None:
    reached = path.format(namespace="default", name="x")
    refused = await api.request(method, f"{reached}?unknown=secret")
    assert refused.status_code == httpx.codes.BAD_REQUEST, refused.text
    status = refused.json()
    assert (status["kind"], status["reason"]) == ("Status", "BadRequest")
    assert status["message"].startswith('unknown parameter "unknown"')
    assert "secret" not in refused.text


async def test_head_is_refused_as_get_is(api: httpx.AsyncClient) -> None:
    assert (await api.head("/services?watsh=true")).status_code == 400
    assert (await api.head("/services?watch=false")).status_code == 200


async def test_a_mistyped_dry_run_writes_nothing(api: httpx.AsyncClient) -> None:
    refused = await api.post("/services?dryrun=All", json=a_manifest())
    assert refused.json()["message"] == 'unknown parameter "dryrun": did you mean "dryRun"?'
    assert refused.json()["details"]["causes"] == [
        {
            "reason": "FieldValueInvalid",
            "message": 'unknown parameter "dryrun": did you mean "dryRun"?',
            "field": "dryrun",
        }
    ]
    assert (await api.get("/services/default/ent")).status_code == httpx.codes.NOT_FOUND


async def test_a_refusal_is_in_the_form_that_the_client_accepts(api: httpx.AsyncClient) -> None:
    refused = await api.get("/services?x", headers={"Accept": "application/yaml"})
    assert refused.text.startswith("kind: Status\n")


@pytest.mark.parametrize(
    "path",
    [
        "/nodes/n1/ipvs/changes?since=0&timeoutseconds=5",
        "/nodes/n1/nftables/changes?since=0&since=0",
        "/resolve?name=ent&typ=A",
        "/nodes/n1/ipvs.txt?parts=script",
        "/watch?kind=Service",
    ],
)
async def test_fast_answers_and_streams_are_no_exception(api: httpx.AsyncClient, path: str) -> None:
    refused = await api.get(path)
    assert (refused.status_code, refused.json()["reason"]) == (400, "BadRequest")


@pytest.mark.parametrize("path", ["/nowhere?x=1", "/services/a/b/c?x=1"])
async def test_an_unknown_path_is_not_found(api: httpx.AsyncClient, path: str) -> None:
    assert (await api.get(path)).status_code == httpx.codes.NOT_FOUND
    assert (await api.options("/services?x=1")).status_code == httpx.codes.NO_CONTENT
    assert (await api.put("/services?x=1")).status_code == httpx.codes.METHOD_NOT_ALLOWED


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/services?limit=500&continue=&timeoutSeconds=5&timeout=32s&pretty=true"),
        ("GET", "/services?&limit=500"),
        ("GET", "/services?resourceVersion=0&resourceVersionMatch=NotOlderThan&watch=false"),
        ("GET", "/services?labelSelector=a%3Db&fieldSelector=metadata.name%3Dent"),
        (
            "GET",
            (
                "/services?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
                "&allowWatchBookmarks=true&timeoutSeconds=1&timeout=1s"
            ),
        ),
        ("GET", "/services/default/ent?resourceVersion=0&pretty=false"),
        ("POST", "/services?fieldManager=kubectl-create&fieldValidation=Strict&dryRun=All&pretty="),
        ("PUT", "/services/default/ent?fieldManager=k&fieldValidation=Warn&dryRun=&timeout=5s"),
        ("PATCH", "/services/default/ent?fieldManager=k&fieldValidation=Ignore&dryRun=All"),
        (
            "DELETE",
            "/services/default/ent?gracePeriodSeconds=0&propagationPolicy=Background&dryRun=All",
        ),
        ("DELETE", "/services/default/ent?orphanDependents=false&timeout=1m"),
        ("GET", "/readyz?verbose"),
        ("GET", "/livez?verbose=true"),
        ("GET", "/openapi.json?timeout=32s"),
        ("GET", "/version?timeout=32s"),
    ],
)
async def test_what_clients_of_kubernetes_send_is_accepted(
    api: httpx.AsyncClient, method: str, path: str
) -> None:
    await created(api, "ent")
    body: dict[str, object] = {}
    if method in ("POST", "PUT"):
        body = {"json": a_manifest("new" if method == "POST" else "ent")}
    elif method == "PATCH":
        headers = {"Content-Type": "application/merge-patch+json"}
        body = {"content": '{"metadata":{"labels":{"a":"b"}}}', "headers": headers}
    answer = await api.request(method, path, **body)  # pyright: ignore[reportArgumentType]  by name
    assert answer.is_success, answer.text


async def test_a_caller_without_credentials_learns_no_more(
    database_url: str, tmp_path: Path
) -> None:
    async with guarded(database_url, tmp_path) as registry:
        refused = await registry.client.get("/services?x")
        assert refused.status_code == httpx.codes.UNAUTHORIZED
        answer = await registry.client.get("/services?x", headers=registry.admin)
        assert answer.status_code == httpx.codes.BAD_REQUEST
