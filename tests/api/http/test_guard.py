"""Requests for other hosts, and pages that would write in their user's name."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send

from app.api import application
from app.api.http.guard import Guard, Trusted
from app.schemas.authorities import HostNames, parse_origin
from tests.access_vectors import authn_cases
from tests.api.sockets import said, serving, status_of
from tests.registries import SMALL_RANGE, a_client, a_registry

PROXY = parse_origin("https://waypost.example")
assert PROXY is not None
TRUSTED = Trusted(hosts=HostNames.of(["registry", "*.lan"]), origins=frozenset({PROXY}))
FOREIGN = [
    {"origin": "http://evil.example"},
    {"origin": "null"},
    {"origin": ""},
    {"origin": "http://localhost:8053"},
    {"origin": "https://localhost"},
    {"origin": "http://a.localhost"},
    {"origin": "\u00e4"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": " Cross-Site "},
    {"origin": "http://localhost", "sec-fetch-site": "cross-site"},
]
OWN: list[dict[str, str]] = [
    {},
    {"origin": "http://localhost"},
    {"origin": "http://LOCALHOST:80", "sec-fetch-site": "same-origin"},
    {"origin": "https://waypost.example", "sec-fetch-site": "same-origin"},
    {"origin": "https://waypost.example", "sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "none"},
]
WRITES = [
    ("POST", "/pods/default/ent-1/heartbeat"),
    ("POST", "/nodes/n1/heartbeat"),
    ("POST", "/heartbeats"),
    ("POST", "/services"),
    ("POST", "/apply"),
    ("POST", "/render"),
    ("POST", "/resolve"),
    ("PUT", "/services/default/ent"),
    ("PUT", "/nodes/n1/ipvs/observed"),
    ("PATCH", "/services/default/ent"),
    ("DELETE", "/services/default/ent"),
    ("OPTIONS", "/services"),
    ("OPTIONS", "/nowhere"),
    ("TRACE", "/services"),
    ("POST", "/livez"),
]
READS = [
    "/livez",
    "/readyz",
    "/healthz",
    "/metrics",
    "/version",
    "/docs",
    "/openapi.json",
    "/services",
    "/watch?kinds=Nothing",
    "/nodes/n1/ipvs/changes?since=0",
    "/nowhere",
]


@dataclass(slots=True)
class Reached:
    """Answers 200 to every request that passes the guard, and remembers its path."""

    paths: list[str] = field(default_factory=list[str])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        self.paths.append(scope["path"])
        head = [(b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": b""})


async def answered(octets: bytes) -> tuple[int, list[str]]:
    """Send a request over a socket; gives the status and the paths that passed."""
    app = Reached()
    async with serving(Guard(app, trusted=TRUSTED)) as port:
        answer = await said(port, octets)
    status = status_of(answer)
    if status != 200:
        head, _, body = answer.partition(b"\r\n\r\n")
        assert b"content-type: application/json" in head
        assert (json.loads(body)["kind"], json.loads(body)["code"]) == ("Status", status)
    return status, app.paths


def request(*fields: str, target: str = "/", version: str = "1.1") -> bytes:
    lines = (f"GET {target} HTTP/{version}", *fields, "connection: close", "", "")
    return "\r\n".join(lines).encode("latin-1")


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        (request("Host: localhost:8053"), 200),
        (request("Host: [::1]"), 200),
        (request("Host: REGISTRY.:1"), 200),
        (request("Host: a.lan"), 200),
        (request("Host: lan"), 421),
        (request("Host: evil.example:8053"), 421),
        (request("Host:"), 400),
        (request("Host: :8053"), 400),
        (request("Host: ::1"), 400),
        (request("Host: a b"), 400),
        (request("Host: \xff\xfe"), 400),
        (request("Host: user@localhost"), 400),
        (request(), 400),
        (request("Host: localhost", "Host: localhost"), 400),
        (request("Host: localhost", "hOST: evil.example"), 400),
        (request(version="1.0"), 200),
        (request("Host: evil.example", version="1.0"), 421),
        (request("Host: localhost", "Host: localhost", version="1.0"), 400),
        (request("Host: localhost", target="http://localhost/a"), 200),
        (request("Host: localhost:80", target="HTTP://LocalHost"), 200),
        (request("Host: localhost", target="http://localhost:80?a=b"), 200),
        (request("Host: localhost", target="http://evil.example/"), 400),
        (request("Host: evil.example", target="http://localhost/"), 400),
        (request("Host: localhost:8053", target="http://localhost/"), 400),
        (request("Host: evil.example", target="http://evil.example/"), 421),
        (request("Host: localhost", target="http://me@localhost/"), 400),
        (request(target="http://localhost/"), 400),
        (request(target="http://localhost/", version="1.0"), 200),
        (request(target="http://evil.example/", version="1.0"), 421),
    ],
)
async def test_an_unknown_host_is_refused(octets: bytes, status: int) -> None:
    answer, paths = await answered(octets)
    assert (answer, len(paths)) == (status, int(status == 200))


async def test_where_any_host_is_accepted_a_request_still_names_one() -> None:
    app = Reached()
    async with serving(Guard(app, trusted=Trusted(hosts=None))) as port:
        assert status_of(await said(port, request("Host: evil.example"))) == 200
        assert status_of(await said(port, request())) == 400
        assert status_of(await said(port, request("Host: a", "Host: a"))) == 400


@pytest.mark.parametrize("case", authn_cases("host"))
async def test_host(case: dict[str, Any]) -> None:
    said_, expected, app = case["request"], case["expect"]["code"], Reached()
    fields = [f"{name}: {value}" for name, value in said_["headers"]]
    octets = request(*fields, target=said_["path"]).replace(b"GET", said_["method"].encode(), 1)
    trusted = Trusted(hosts=HostNames.of(case["config"]["allowedHosts"]))
    async with serving(Guard(app, trusted=trusted)) as port:
        status = status_of(await said(port, octets))
    is_let_through = expected in (200, 404)  # behind it there is no such Node
    assert status == (200 if is_let_through else expected)
    assert len(app.paths) == int(is_let_through)


async def test_an_absolute_target_is_routed_by_its_path() -> None:
    _, paths = await answered(request("Host: localhost", target="http://localhost/services?a=b"))
    assert paths == ["/services"]


@pytest.mark.parametrize(
    ("coding", "status"), [(b"chunked", 200), (b"Chunked", 200), (b"gzip, chunked", 400)]
)
async def test_an_unsupported_transfer_coding_is_refused(coding: bytes, status: int) -> None:
    head = (
        b"POST /a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: " + coding
    )
    found, paths = await answered(head + b"\r\n\r\n1\r\nx\r\n0\r\n\r\n")
    assert found == status
    assert paths == (["/a"] if status == 200 else [])


@settings(deadline=None)
@given(st.binary(max_size=40), st.binary(max_size=40))
async def test_hosts_and_origins_of_any_bytes_are_answered(host: bytes, origin: bytes) -> None:
    app, statuses = Reached(), list[int]()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    async def receive() -> Message:
        raise AssertionError("no body is read for this")

    scope: Scope = {
        "type": "http",
        "method": "POST",
        "http_version": "1.1",
        "scheme": "http",
        "path": "/",
        "raw_path": b"/",
        "headers": [(b"host", host), (b"origin", origin)],
    }
    await Guard(app, trusted=TRUSTED)(scope, receive, send)
    assert statuses[0] in {400, 403, 421}


@pytest.mark.parametrize(
    "path",
    [
        "/services%2fdefault/ent",
        "/services/default%2Fent",
        "/services/default%5cent",
        "/services/default\\ent",
        "/services/default/ent%00",
        "/services/../nodes",
        "/services/./default/ent",
        "/services/%2e%2E/nodes",
        "/services/default/.%2e",
        "/..",
        "/.",
        "//services",
        "/services//ent",
        "/services//",
        "http://localhost//services",
        "http://localhost/services/../nodes",
    ],
)
async def test_a_path_that_differs_in_meaning_once_decoded_is_not_found(path: str) -> None:
    assert await answered(request("Host: localhost", target=path)) == (404, [])


@pytest.mark.parametrize(
    "path", ["/a.b/..c/...", "/.well-known/x", "/%2541", "/a%20b", "/?x=//../%2f", "*"]
)
async def test_other_paths_reach_the_routes(path: str) -> None:
    status, paths = await answered(request("Host: localhost", target=path))
    assert (status, len(paths)) == (200, 1)


@pytest.fixture(scope="module")
async def guarded(module_database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    app = application.build(version="1.2.3", trusted=TRUSTED)
    async with (
        a_registry(module_database_url, service_cidrs=SMALL_RANGE) as registry,
        a_client(app) as client,
    ):
        app.state.registry = registry
        yield client


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize(("method", "path"), WRITES)
async def test_a_page_of_another_origin_may_only_read(
    guarded: httpx.AsyncClient, method: str, path: str, headers: dict[str, str]
) -> None:
    octets = [(name.encode(), value.encode()) for name, value in headers.items()]
    before = (await guarded.get("/services")).json()["metadata"]["resourceVersion"]
    answer = await guarded.request(method, path, headers=octets)
    assert (answer.status_code, answer.json()["reason"]) == (403, "Forbidden")
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert (await guarded.get("/services")).json()["metadata"]["resourceVersion"] == before


@pytest.mark.parametrize("headers", OWN)
@pytest.mark.parametrize(("method", "path"), WRITES)
async def test_own_pages_and_clients_other_than_browsers_may_write(
    guarded: httpx.AsyncClient, method: str, path: str, headers: dict[str, str]
) -> None:
    answer = await guarded.request(method, path, headers=headers)
    assert answer.status_code not in {403, 421}


async def test_of_several_origins_each_must_be_trusted(guarded: httpx.AsyncClient) -> None:
    both = [("origin", "http://localhost"), ("origin", "http://evil.example")]
    for headers in (both, both[::-1]):
        assert (await guarded.post("/heartbeats", headers=headers)).status_code == 403


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize("path", READS)
async def test_a_page_of_another_origin_cannot_see_answers(
    guarded: httpx.AsyncClient, path: str, headers: dict[str, str]
) -> None:
    octets = [(name.encode(), value.encode()) for name, value in headers.items()]
    answer = await guarded.get(path, headers=octets)
    assert answer.status_code not in {403, 421}
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "DELETE"])
@pytest.mark.parametrize("path", READS)
async def test_no_path_answers_to_an_unknown_host(
    guarded: httpx.AsyncClient, method: str, path: str
) -> None:
    answer = await guarded.request(method, path, headers={"host": "evil.example"})
    assert answer.status_code == 421
    if method != "HEAD":
        status = answer.json()
        assert (status["kind"], status["reason"]) == ("Status", "MisdirectedRequest")
        assert "evil.example" in status["message"]
        assert "WAYPOST_ALLOWED_HOSTS" in status["message"]


async def test_refused_requests_are_counted(guarded: httpx.AsyncClient) -> None:
    await guarded.get("/services", headers={"host": "evil.example"})
    assert 'code="421",method="GET"' in (await guarded.get("/metrics")).text


@pytest.mark.parametrize("path", ["/services/", "/services/default/ent/", "/docs/", "/watch/"])
async def test_no_answer_redirects(guarded: httpx.AsyncClient, path: str) -> None:
    for method in ("GET", "POST"):
        answer = await guarded.request(method, path)
        assert (answer.status_code, answer.json()["kind"]) == (404, "Status")
        assert "location" not in answer.headers
