"""Every route and every kind of caller: what is answered is what the specification says.

The table below is access.md 2.4 written down again, by hand: it is compared with the application,
so that a new route has to be added to it, and with what each caller may do.
"""

from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.api import application
from app.api.dependencies import Registry
from app.domain.access.attributes import Attributes
from app.domain.access.decision import Allowed, authorize
from app.domain.access.subjects import ANONYMOUS, User, authenticated
from app.domain.access.tokens import TokenKind, make_token
from app.domain.names import NamespacedName
from app.domain.objects.resource import AnyResource
from app.domain.objects.token import TOKEN
from app.domain.resources import RESOURCES_BY_KIND
from app.domain.work import Work
from app.main import VERSION
from tests.registries import a_client, a_registry

NAMESPACE, NAME, NODE = "prod", "ent", "n1"
OPEN = frozenset({"/livez", "/readyz", "/healthz", "/version", "/openapi.json", "/docs"})
VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
MERGE = {"Content-Type": "application/merge-patch+json"}
RBAC = "rbac.authorization.k8s.io"
ALICE, EDITOR, ADMIN = "alice", "edith", "system:admin"
REPLICA = "system:serviceaccount:kube-system:waypost-dns"


@dataclass(frozen=True, kw_only=True)
class Row:
    """A request, and all that must be allowed to its caller."""

    method: str
    path: str
    template: str
    asked: tuple[Attributes, ...]
    body: object = None
    headers: dict[str, str] = field(default_factory=dict[str, str])

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, kw_only=True)
class Caller:
    """The user that credentials stand for, None if they are missing or not good."""

    name: str
    user: User | None
    headers: dict[str, str]


def on(
    resource: AnyResource, verb: str, *, namespace: str = "", name: str = "", subresource: str = ""
) -> Attributes:
    return Attributes(
        verb=verb,
        api_group=resource.group,
        resource=resource.plural,
        namespace=namespace,
        name=name,
        subresource=subresource,
    )


def document(kind: AnyResource) -> dict[str, Any]:
    meta = {"name": NAME, **({"namespace": NAMESPACE} if kind.is_namespaced else {})}
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": meta}


def rows_of(kind: AnyResource) -> Iterator[Row]:
    """The routes of a collection; writes carry a document that says no more than its name."""
    collection, space = f"/{kind.plural}", NAMESPACE if kind.is_namespaced else ""
    template = collection + ("/{namespace}/{name}" if space else "/{name}")
    path = f"{collection}/{space}/{NAME}" if space else f"{collection}/{NAME}"
    here, everywhere = on(kind, "list", namespace=space), on(kind, "list")
    create = on(kind, "create", namespace=space)
    if space:
        listed = f"{collection}?namespace={space}"
        yield Row(method="GET", path=listed, template=collection, asked=(here,))
    yield Row(method="GET", path=collection, template=collection, asked=(everywhere,))
    yield Row(
        method="POST",
        path=collection,
        template=collection,
        asked=(create,),
        body=document(kind),
    )
    for suffix in ("", *(f"/{each}" for each in sorted(kind.subresources))):
        for method in ("GET", "PUT", "PATCH", "DELETE"):
            if (suffix and method == "DELETE") or (suffix == "/finalize" and method != "PUT"):
                continue
            asked = on(
                kind,
                VERBS[method],
                namespace=NAME if kind.name == "Namespace" else space,
                name=NAME,
                subresource=suffix[1:],
            )
            yield Row(
                method=method,
                path=path + suffix,
                template=template + suffix,
                asked=(asked,),
                body={"PUT": document(kind), "PATCH": {}}.get(method),
                headers=MERGE if method == "PATCH" else {},
            )


def path_row(method: str, path: str, body: object = None) -> Row:
    template = path.partition("?")[0]
    asked = Attributes(verb=method.lower(), path=template)
    return Row(method=method, path=path, template=template, asked=(asked,), body=body)


def read_rows() -> Iterator[Row]:
    """Reads that are no collections."""
    kinds = RESOURCES_BY_KIND
    service, pod, node, namespace = (kinds[n] for n in ("Service", "Pod", "Node", "Namespace"))
    place = f"{NAMESPACE}/{NAME}"
    rules = on(node, "get", name=NODE, subresource="rules")
    addresses = Attributes(verb="list", api_group="networking.k8s.io", resource="ipaddresses")
    found = [
        (
            f"/services/{place}/explain",
            "/services/{namespace}/{name}/explain",
            on(service, "get", namespace=NAMESPACE, name=NAME, subresource="explain"),
        ),
        (
            f"/namespaces/{NAMESPACE}/resolv.conf",
            "/namespaces/{name}/resolv.conf",
            on(namespace, "get", namespace=NAMESPACE, name=NAMESPACE, subresource="resolvconf"),
        ),
        (
            f"/pods/{place}/resolv.conf",
            "/pods/{namespace}/{name}/resolv.conf",
            on(pod, "get", namespace=NAMESPACE, name=NAME, subresource="resolvconf"),
        ),
        ("/clusterips", "/clusterips", addresses),
    ]
    for what in ("ipvs", "ipvs.txt", "nftables", "ipvs/changes", "nftables/changes"):
        query = "?since=1" if what.endswith("changes") else ""
        found.append((f"/nodes/{NODE}/{what}{query}", f"/nodes/{{name}}/{what}", rules))
    for path, template, asked in found:
        yield Row(method="GET", path=path, template=template, asked=(asked,))
    yield Row(
        method="GET",
        path=f"/watch?kinds=Service,Node&namespace={NAMESPACE}&timeoutSeconds=1",
        template="/watch",
        asked=(on(service, "watch", namespace=NAMESPACE), on(node, "watch")),
    )
    who = Attributes(
        verb="create", api_group="authentication.k8s.io", resource="selfsubjectreviews"
    )
    yield Row(method="GET", path="/whoami", template="/whoami", asked=(who,))


def write_rows() -> Iterator[Row]:
    """Writes and questions that are no collections."""
    kinds = RESOURCES_BY_KIND
    service, pod, node = (kinds[name] for name in ("Service", "Pod", "Node"))
    beat = on(pod, "create", namespace=NAMESPACE, name=NAME, subresource="heartbeat")
    yield Row(
        method="POST",
        path=f"/pods/{NAMESPACE}/{NAME}/heartbeat",
        template="/pods/{namespace}/{name}/heartbeat",
        asked=(beat,),
    )
    yield Row(
        method="POST",
        path=f"/nodes/{NODE}/heartbeat",
        template="/nodes/{name}/heartbeat",
        asked=(on(node, "create", name=NODE, subresource="heartbeat"),),
    )
    yield Row(
        method="PUT",
        path=f"/nodes/{NODE}/ipvs/observed",
        template="/nodes/{name}/ipvs/observed",
        asked=(on(node, "update", name=NODE, subresource="observed"),),
        headers={"Content-Type": "text/plain"},
    )
    yield Row(
        method="POST",
        path="/apply?dryRun=All",
        template="/apply",
        asked=(on(service, "create", namespace=NAMESPACE),),
        body={**document(service), "spec": {"ports": [{"port": 80}]}},
    )
    yield path_row("POST", "/resolve", {"questions": [{"name": "ent"}]})
    yield path_row("POST", "/render", {})
    for user, resource in (("", "selfsubjectaccessreviews"), ("bob", "subjectaccessreviews")):
        spec = {"nonResourceAttributes": {"path": "/metrics", "verb": "get"}}
        asked = Attributes(verb="create", api_group="authorization.k8s.io", resource=resource)
        yield Row(
            method="POST",
            path="/can-i",
            template="/can-i",
            asked=(asked,),
            body={"spec": {**spec, **({"user": user} if user else {})}},
        )


PATHS = (
    *("/livez", "/readyz", "/healthz", "/version", "/metrics", "/prometheus/targets"),
    *("/openapi.json", "/docs"),
)
ROWS = (
    *read_rows(),
    *(path_row("GET", path) for path in (*PATHS, "/resolve?name=ent", "/no-such-path")),
    *write_rows(),
    *(row for kind in RESOURCES_BY_KIND.values() for row in rows_of(kind)),
)
# Judged by the content of the body as well: what its kind says is tested with the kind.
BY_CONTENT = frozenset({"/heartbeats"})


def test_every_route_of_the_application_is_in_the_table() -> None:
    known = {(row.method.lower(), row.template) for row in ROWS}
    paths = application.build(version=VERSION).openapi()["paths"]
    routes = {(method, path) for path, methods in paths.items() for method in methods}
    assert {route for route in routes if route[1] not in BY_CONTENT} <= known


@pytest.fixture(scope="module")
async def registry(
    module_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Registry, None]:
    """A registry with authentication, its first administrator's token in a file."""
    folder = tmp_path_factory.mktemp("access")
    async with a_registry(module_database_url, auth=True, data_dir=folder) as running:
        yield running


@pytest.fixture(scope="module")
async def api(registry: Registry) -> FastAPI:
    """The application of that registry."""
    app = application.build(version=VERSION, access=registry.access)
    app.state.registry = registry
    return app


@pytest.fixture(scope="module")
async def client(api: FastAPI) -> AsyncGenerator[httpx.AsyncClient, None]:
    """A client without credentials of its own."""
    async with a_client(api) as client:
        yield client


@pytest.fixture(scope="module")
async def callers(
    registry: Registry, client: httpx.AsyncClient, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Caller]:
    """One caller of each kind, by name."""
    handed_over = next(tmp_path_factory.getbasetemp().glob("access*/admin.token"))
    admin = bearer(handed_over.read_text().strip())
    await prepare(client, admin)
    agents = ("system:nodes",)
    users = {
        ALICE: (),
        EDITOR: (),
        "system:node:n1": agents,
        "system:node:n2": agents,
        REPLICA: (),
        "expired": (),
        "revoked": (),
    }
    tokens = {user: await issued(client, admin, user, groups) for user, groups in users.items()}
    await registry.writer.write(lambda work: expire(work, tokens["expired"][1]))
    gone = await client.delete(f"/tokens/{tokens['revoked'][1]}", headers=admin)
    assert gone.is_success, gone.text
    shown = {name: bearer(text) for name, (text, _) in tokens.items()}
    accounts = ("system:serviceaccounts", "system:serviceaccounts:kube-system")
    made = [
        Caller(name="none", user=None, headers={}),
        Caller(name="malformed", user=None, headers={"Authorization": "Basic x"}),
        Caller(name="unknown", user=None, headers=bearer(other_than(tokens[ALICE][0]))),
        Caller(name="expired", user=None, headers=shown["expired"]),
        Caller(name="revoked", user=None, headers=shown["revoked"]),
        a_caller("view", ALICE, (), shown[ALICE]),
        a_caller("edit elsewhere", EDITOR, (), shown[EDITOR]),
        a_caller("its agent", "system:node:n1", agents, shown["system:node:n1"]),
        a_caller("another agent", "system:node:n2", agents, shown["system:node:n2"]),
        a_caller("replica", REPLICA, accounts, shown[REPLICA]),
        a_caller("impersonated", ALICE, (), {**admin, "Impersonate-User": ALICE}),
        a_caller("admin", ADMIN, ("system:masters",), admin),
    ]
    return {caller.name: caller for caller in made}


CALLERS = (
    "none",
    "malformed",
    "unknown",
    "expired",
    "revoked",
    "view",
    "edit elsewhere",
    "its agent",
    "another agent",
    "replica",
    "impersonated",
    "admin",
)


@pytest.mark.parametrize("name", CALLERS)
async def test_each_caller_is_answered_as_its_rights_say(
    name: str, registry: Registry, api: FastAPI, callers: dict[str, Caller]
) -> None:
    caller = callers[name]
    wrong: list[str] = []
    for number, row in enumerate(ROWS):
        expected = expected_of(row, caller, registry)
        found = await asked(api, row, caller, f"2001:db8:{CALLERS.index(name)}:{number:x}::1")
        seen = found.status_code if found.status_code in {401, 403} else 200
        if seen != expected:
            wrong.append(f"{row}: {found.status_code}, not {expected}: {found.text[:200]}")
        is_personal = caller.user is not None and found.is_success and row.path not in OPEN
        if is_personal and found.headers.get("cache-control") != "no-store":
            wrong.append(f"{row}: what is authorised may be stored: {found.headers}")
        if "set-cookie" in found.headers:
            wrong.append(f"{row}: there are no cookies anywhere: {found.headers}")
    assert not wrong, "\n".join(wrong)


async def asked(api: FastAPI, row: Row, caller: Caller, address: str) -> httpx.Response:
    """Send a request from an address of its own: failures are limited by address."""
    transport = httpx.ASGITransport(api, raise_app_exceptions=False, client=(address, 40_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        headers = {**row.headers, **caller.headers}
        return await client.request(row.method, row.path, json=row.body, headers=headers)


def expected_of(row: Row, caller: Caller, registry: Registry) -> int:
    """401, 403, or 200 for any other answer, by the state before the request."""
    if caller.user is None and (caller.name != "none" or row.template not in OPEN):
        return 401
    snapshot, user = registry.view.snapshot, caller.user or ANONYMOUS
    if user.node_name and (row.method, row.template) == ("POST", "/nodes"):
        return 403  # the body names another Node than the agent's own
    decisions = [authorize(snapshot, user, attributes) for attributes in row.asked]
    return 200 if all(isinstance(each, Allowed) for each in decisions) else 403


def a_caller(name: str, user: str, groups: tuple[str, ...], headers: dict[str, str]) -> Caller:
    return Caller(name=name, user=authenticated(User(name=user, groups=groups)), headers=headers)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def other_than(token: str) -> str:
    """A text of the same form whose checksum is right, and that was never issued."""
    letters = token.partition("_")[2][:-6]
    return make_token(TokenKind.USER, letters[1:] + letters[0])


async def prepare(client: httpx.AsyncClient, admin: dict[str, str]) -> None:
    """Give alice the role `view` in one namespace, and the editor `edit` in another."""
    for user, role, namespace in ((ALICE, "view", NAMESPACE), (EDITOR, "edit", "dev")):
        binding = {
            "apiVersion": f"{RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": {"namespace": namespace, "name": user},
            "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role},
            "subjects": [{"kind": "User", "apiGroup": RBAC, "name": user}],
        }
        made = await client.post("/rolebindings", json=binding, headers=admin)
        assert made.is_success, made.text
    for name in (NODE, "n2"):
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}
        made = await client.post("/nodes", json=node, headers=admin)
        assert made.is_success, made.text


async def issued(
    client: httpx.AsyncClient, admin: dict[str, str], user: str, groups: tuple[str, ...]
) -> tuple[str, str]:
    """Issue a token; gives its text and its id."""
    spec = {"user": user, "groups": list(groups)}
    draft = {"apiVersion": TOKEN.api_version, "kind": TOKEN.name, "spec": spec}
    made = await client.post("/tokens", json=draft, headers=admin)
    assert made.is_success, made.text
    return made.json()["status"]["token"], made.json()["metadata"]["name"]


def expire(work: Work, token: str) -> None:
    held = work.snapshot.of(TOKEN)[NamespacedName("", token)]
    work.put(replace(held, expires_at=work.now - timedelta(seconds=1)))
