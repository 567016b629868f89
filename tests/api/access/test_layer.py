"""The layer before the routes: whose request it is, whether it may pass, and what is behind it."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.access.ahead import STRANGERS_MAX
from app.api.access.evaluation import Access
from app.api.access.identity import Permit, caller_of, permit_of
from app.api.access.layer import AccessControl
from app.api.access.requirements import objects_of, path_itself, requires
from app.api.access.routes import Routes
from app.api.credentials.authenticator import Authenticator, Trust
from app.api.credentials.issuers import Issuers
from app.api.credentials.outcomes import Method
from app.api.credentials.proxy import Proxies
from app.api.credentials.tokens import mint
from app.domain.access.default_roles import default_roles
from app.domain.access.tokens import TokenKind, id_of, stored_by_id
from app.domain.objects.resource import Object
from app.domain.objects.service import SERVICE
from app.domain.objects.token import TOKEN
from tests.api.credentials.expressions import Computed
from tests.builders import (
    a_cluster_role,
    a_cluster_role_binding,
    a_namespace,
    a_path_rule,
    a_rule,
    a_subject,
    a_token,
)
from tests.memory_writer import EPOCH
from tests.registry.worlds import World
from tests.waiting import until

ALICE, BOB = mint(TokenKind.USER), mint(TokenKind.USER)
READER = (a_cluster_role(a_rule("get list"), name="reads"), a_cluster_role_binding(role="reads"))


@requires(objects_of(SERVICE))
async def services(request: Request) -> Response:
    """Show whose request it is, and its headers."""
    caller = await caller_of(request)
    return JSONResponse(
        {
            "user": caller.user.name,
            "groups": list(caller.user.groups),
            "real": caller.real.name,
            "headers": sorted(request.headers),
        }
    )


@requires(path_itself)
async def livez(request: Request) -> Response:
    return await services(request)


ROUTES = [
    Route("/services", services, methods=["GET"]),
    Route("/services/{namespace}/{name}", services, methods=["GET"]),
    Route("/livez", livez, methods=["GET"]),
]


async def routed(scope: Scope, receive: Receive, send: Send) -> None:
    """Find a route as an application does; 404 or 405 without one."""
    matches = [route for route in ROUTES if route.path_regex.match(scope["path"])]
    answer: Any = Response(status_code=404)
    if matches:
        is_read = scope["method"] in ("GET", "HEAD")
        answer = matches[0].app if is_read else Response(status_code=405)
    await answer(scope, receive, send)


@dataclass
class Place:
    """A layer, with the registry that it decides by."""

    world: World
    inner: ASGIApp = routed
    is_stale: bool = False
    now: datetime = EPOCH
    used: list[str] = field(default_factory=list[str])
    metrics: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        self.access = Access(
            authenticator=Authenticator(Trust(issuers=Issuers([], Computed({})))),
            view=self.world.view,
            tokens_of=stored_by_id,
            now=lambda: self.now,
            is_stale=lambda: self.is_stale,
            counted=Counter(
                "waypost_authentication", "-", ("method", "result"), registry=self.metrics
            ),
            used=lambda token, _: self.used.append(token),
            problems=tuple,
        )
        self.layer = AccessControl(self.inner, routes=Routes(ROUTES), access=self.access)

    async def ask(
        self, path: str = "/services", token: str = "", method: str = "GET", **headers: str
    ) -> httpx.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            sent["authorization"] = f"Bearer {token}"
        return await self.send(method, path, sent.items())

    async def send(
        self, method: str, path: str, headers: Iterable[tuple[str, str]]
    ) -> httpx.Response:
        transport = httpx.ASGITransport(self.layer)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, headers=list(headers))

    def counted(self, method: str, result: str) -> float | None:
        labels = {"method": method, "result": result}
        return self.metrics.get_sample_value("waypost_authentication_total", labels)


def a_place(*objects: Object, inner: ASGIApp = routed) -> Place:
    """A registry in which alice and bob have tokens, and alice reads Services."""
    bob = a_token(BOB, user="bob", groups=("dev",))
    return Place(World(*default_roles(), *READER, a_token(ALICE), bob, *objects), inner)


async def test_a_request_without_credentials_is_challenged_and_goes_no_further() -> None:
    place = a_place()
    answer = await place.ask()
    assert (answer.status_code, answer.json()["reason"]) == (401, "Unauthorized")
    assert answer.headers["www-authenticate"] == 'Bearer realm="waypost"'
    assert place.counted("none", "missing") == 1


async def test_a_token_is_passed_on_as_its_user_and_not_as_itself() -> None:
    place = a_place()
    answer = await place.ask(token=ALICE, x_remote_user="root")
    assert answer.status_code == 200
    assert answer.json()["user"] == "alice"
    assert answer.json()["groups"] == ["system:authenticated"]
    assert not {"authorization", "x-remote-user"} & set(answer.json()["headers"])
    assert place.used == [id_of(ALICE)]
    assert place.counted("token", "success") == 1


async def test_a_missing_right_is_refused_in_kubernetes_words_before_the_route() -> None:
    answer = await a_place().ask("/services/prod/nothing", token=BOB)
    assert answer.status_code == 403
    assert answer.json()["message"] == (
        'services "nothing" is forbidden: User "bob" cannot get resource "services" in API group '
        '"" in the namespace "prod"'
    )
    assert "www-authenticate" not in answer.headers


async def test_paths_without_a_route_are_known_to_administrators_only() -> None:
    master = mint(TokenKind.USER)
    place = a_place(a_token(master, user="root", groups=("system:masters",)))
    refused = await place.ask("/nothing", token=ALICE)
    assert (refused.status_code, refused.json()["message"]) == (
        403,
        'forbidden: User "alice" cannot get path "/nothing"',
    )
    answer = await place.ask("/nothing", token=master)
    assert (answer.status_code, answer.json()["message"]) == (404, "Not Found")


async def test_what_is_no_route_here_reaches_no_route() -> None:
    seen = list[str]()

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["path"])
        await routed(scope, receive, send)

    path = a_cluster_role(a_path_rule("get", "/*"), name="paths")
    bound = a_cluster_role_binding(a_subject("bob"), name="paths", role="paths")
    place = a_place(path, bound, inner=inner)
    assert (await place.ask("/services", token=BOB)).status_code == 403
    # The framework's pattern of /services matches it, as `$` does before a line feed.
    assert (await place.ask("/services%0a", token=BOB)).status_code == 404
    assert seen == []


async def test_a_method_that_a_path_does_not_have_needs_no_right_but_a_user() -> None:
    place = a_place()
    assert (await place.ask(method="PUT", token=BOB)).status_code == 405
    assert (await place.ask(method="PUT")).status_code == 401


async def test_head_asks_as_get_does() -> None:
    place = a_place()
    assert (await place.ask(method="HEAD", token=ALICE)).status_code == 200
    assert (await place.ask(method="HEAD", token=BOB)).status_code == 403


async def test_health_is_open_to_anonymous_users_but_not_to_bad_credentials() -> None:
    place = a_place()
    answer = await place.ask("/livez")
    assert (answer.status_code, answer.json()["user"]) == (200, "system:anonymous")
    assert (await place.ask("/livez", token=mint(TokenKind.USER))).status_code == 401
    assert place.counted("token", "unknown") == 1
    assert place.counted("anonymous", "success") == 1


async def test_a_process_that_may_not_know_of_revocations_serves_no_credentials() -> None:
    place = a_place()
    place.is_stale = True
    answer = await place.ask(token=ALICE)
    assert (answer.status_code, answer.json()["reason"]) == (503, "ServiceUnavailable")
    assert (await place.ask("/livez")).status_code == 200
    assert place.used == []


@pytest.mark.parametrize("is_stale", [False, True])
async def test_neither_does_it_serve_credentials_without_a_name(*, is_stale: bool) -> None:
    place = a_place()
    place.is_stale = is_stale
    trust = place.access.authenticator.trust
    trust.proxies = Proxies(is_plain=True, networks=(ip_network("127.0.0.0/8"),))
    answer = await place.ask(x_remote_user="alice")
    assert answer.status_code == (503 if is_stale else 200)


async def test_two_credentials_are_refused_as_malformed() -> None:
    place = a_place()
    answer = await place.send(
        "GET", "/services", [("authorization", f"Bearer {text}") for text in (ALICE, BOB)]
    )
    assert (answer.status_code, answer.headers["www-authenticate"]) == (
        400,
        'Bearer realm="waypost", error="invalid_request"',
    )
    assert place.counted("none", "malformed") == 1


async def test_many_failures_are_limited_and_good_credentials_always_pass() -> None:
    place = a_place()
    codes = [(await place.ask(token=mint(TokenKind.USER))).status_code for _ in range(12)]
    assert codes == [401] * 10 + [429] * 2
    limited = await place.ask(token=mint(TokenKind.USER))
    assert int(limited.headers["retry-after"]) > 0
    assert (await place.ask(token=ALICE)).status_code == 200
    assert place.counted("none", "limited") == 3


async def test_an_expired_token_is_refused_from_its_end_on() -> None:
    place = a_place()
    (end,) = (
        token.expires_at
        for token in place.world.snapshot.of(TOKEN).values()
        if token.user == "alice"
    )
    assert end is not None
    place.now = end - timedelta(seconds=1)
    assert (await place.ask(token=ALICE)).status_code == 200
    place.now = end
    assert (await place.ask(token=ALICE)).status_code == 401


async def test_a_request_for_a_revision_is_judged_by_that_revision_or_a_later_one() -> None:
    place = a_place()
    (token,) = (each for each in place.world.snapshot.of(TOKEN).values() if each.user == "alice")
    revision = place.world.snapshot.revision + 1
    asking = asyncio.create_task(place.ask(f"/services?resourceVersion={revision}", token=ALICE))
    await asyncio.sleep(0)
    place.world.delete(token)
    assert place.world.snapshot.revision == revision
    assert (await asking).status_code == 401


async def test_a_token_may_be_as_new_as_the_revision_that_is_asked_for() -> None:
    place, new = a_place(), mint(TokenKind.USER)
    revision = place.world.snapshot.revision + 1
    asking = asyncio.create_task(place.ask(f"/services?resourceVersion={revision}", token=new))
    await asyncio.sleep(0)
    place.world.create(a_token(new))
    assert (await asking).json()["user"] == "alice"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ([], 401),
        ([("authorization", "Basic x")], 401),
        ([("authorization", f"Bearer {ALICE[:-1]}")], 401),
        ([("authorization", "Bearer a.b.c")], 401),
        ([("authorization", f"Bearer {ALICE}")] * 2, 400),
    ],
)
async def test_what_no_revision_makes_good_waits_for_none(
    headers: list[tuple[str, str]], code: int
) -> None:
    place = a_place()
    answer = await place.send("GET", "/services?resourceVersion=99999", headers)
    assert answer.status_code == code


async def test_an_anonymous_request_waits_for_no_revision() -> None:
    assert (await a_place().ask("/livez?resourceVersion=99999")).status_code == 200


async def test_of_many_unknown_tokens_only_a_few_wait() -> None:
    place = a_place()
    path = f"/services?resourceVersion={place.world.snapshot.revision + 1}"
    asking = [asyncio.create_task(place.ask(path, token=mint(TokenKind.USER))) for _ in range(40)]
    await until(lambda: sum(task.done() for task in asking) == len(asking) - STRANGERS_MAX)
    place.world.create(a_namespace("prod"))
    codes = [answer.status_code for answer in await asyncio.gather(*asking)]
    assert (codes.count(401), codes.count(429)) == (10, 30), "each is a failure of its address"
    assert place.counted("token", "unknown") == 10


async def test_an_unknown_token_is_refused_and_counted_when_its_revision_does_not_come() -> None:
    place = a_place()
    answer = await place.ask("/services?resourceVersion=99999", token=mint(TokenKind.USER))
    assert answer.status_code == 401
    assert place.counted("token", "unknown") == 1


async def test_an_invalid_revision_is_left_to_the_route() -> None:
    assert (await a_place().ask("/services?resourceVersion=x", token=ALICE)).status_code == 200


async def test_a_user_acts_for_another_only_with_the_right_to() -> None:
    place = a_place(
        a_cluster_role(a_rule("impersonate", "users", names="alice"), name="be-alice"),
        a_cluster_role_binding(*a_cluster_role_binding().subjects, name="self", role="be-alice"),
    )
    refused = await place.ask(token=BOB, impersonate_user="alice")
    assert (refused.status_code, "cannot impersonate" in refused.json()["message"]) == (403, True)
    answer = await place.ask(token=ALICE, impersonate_user="alice")
    assert (answer.json()["user"], answer.json()["real"]) == ("alice", "alice")
    assert "impersonate-user" not in answer.json()["headers"]
    alone = await place.ask(token=ALICE, impersonate_group="dev")
    assert alone.status_code == 400


@pytest.mark.parametrize(
    ("value", "code"), [("jürgen".encode(), 200), ("jürgen".encode("latin-1"), 400)]
)
async def test_names_to_be_impersonated_are_read_as_utf_8(value: bytes, code: int) -> None:
    acts = a_cluster_role(a_rule("impersonate", "users"), name="act")
    reads = a_cluster_role_binding(a_subject("jürgen"), name="reads-too", role="reads")
    place = a_place(acts, a_cluster_role_binding(name="acts", role="act"), reads)
    headers = [(b"authorization", f"Bearer {ALICE}".encode()), (b"impersonate-user", value)]
    transport = httpx.ASGITransport(place.layer)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.get("/services", headers=headers)
    assert answer.status_code == code
    assert answer.json().get("user") == ("jürgen" if code == 200 else None)


async def test_without_access_control_every_request_passes_as_unsecured() -> None:
    place = a_place()
    place.layer = AccessControl(routed, routes=Routes(ROUTES), access=None)
    answer = await place.ask()
    assert answer.json()["user"] == "system:unsecured"


async def test_the_permit_names_the_method_and_the_credential_but_no_secret() -> None:
    seen = list[Permit | None]()

    async def remember(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(permit_of(scope))
        await routed(scope, receive, send)

    await a_place(inner=remember).ask(token=ALICE)
    (permit,) = seen
    assert permit is not None
    assert (permit.caller.method, permit.caller.credential_id) == (Method.TOKEN, id_of(ALICE))
    assert ALICE not in repr(permit)


@pytest.mark.parametrize("type_", ["lifespan", "websocket"])
async def test_only_requests_of_http_are_judged(type_: str) -> None:
    reached = list[str]()

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        del receive, send
        reached.append(scope["type"])

    async def nothing(*_: object) -> Any: ...  # noqa: ANN401  neither receives nor sends

    await a_place(inner=inner).layer({"type": type_}, nothing, nothing)
    assert reached == [type_]


async def test_the_layers_before_see_the_route_that_answered() -> None:
    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        scope["route"] = ROUTES[0]
        await routed(scope, receive, send)

    place, seen = a_place(inner=inner), list[object]()
    layer = place.layer

    async def outer(scope: Scope, receive: Receive, send: Send) -> None:
        await layer(scope, receive, send)
        seen.append(scope.get("route"))

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(outer), base_url="http://localhost"
    ) as client:
        answer = await client.get("/services", headers={"Authorization": f"Bearer {ALICE}"})
    assert (answer.status_code, seen) == (200, [ROUTES[0]])
