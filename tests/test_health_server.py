"""The small HTTP server: answers and bounds."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus

import httpx
import pytest

from app.health_server import (
    HEADER_BYTES_MAX,
    JSON,
    REQUEST_S_MAX,
    Answer,
    Connections,
    answering,
    listen,
)
from tests.waiting import until

pytestmark = pytest.mark.enable_socket


def hello(path: str) -> Answer:
    return Answer(HTTPStatus.OK, f"hello {path}", JSON, {"X-Colour": "blue"})


@asynccontextmanager
async def endpoint(*, request_s_max: float = REQUEST_S_MAX) -> AsyncGenerator[httpx.AsyncClient]:
    routes = {"/hello": lambda: hello("/hello")}
    async with (
        answering("127.0.0.1", 0, routes, request_s_max=request_s_max) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
    ):
        yield client


async def test_a_path_is_answered_with_its_headers_for_any_query() -> None:
    async with endpoint() as client:
        answer = await client.get("/hello?verbose")
    assert (answer.status_code, answer.text) == (200, "hello /hello")
    assert answer.headers["content-type"] == JSON
    assert answer.headers["x-colour"] == "blue"
    assert answer.headers["connection"] == "close"


async def test_other_requests_get_the_status_of_http() -> None:
    async with endpoint() as client:
        assert (await client.get("/nothing")).status_code == 404
        assert (await client.post("/hello")).status_code == 405
        head = await client.head("/hello")
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == "12"


@pytest.mark.parametrize("said", [b"", b"\r\n\r\n", b"\x16\x03\x01", b"GET /hello", b"x" * 99_999])
async def test_a_client_of_another_protocol_does_not_affect_others(said: bytes) -> None:
    async with endpoint(request_s_max=0.1) as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
        writer.write(said)
        with suppress(ConnectionResetError):  # its request was not read to the end
            assert (await reader.read()).startswith((b"", b"HTTP/1.1 4"))
        writer.close()
        assert (await client.get("/hello")).status_code == 200


async def test_a_silent_client_is_disconnected() -> None:
    async with answering("127.0.0.1", 0, {}, request_s_max=0.05) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.read() == b""
        writer.close()


async def test_an_endless_request_is_disconnected() -> None:
    async with answering("127.0.0.1", 0, {}) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"x" * 2 * HEADER_BYTES_MAX)
        with suppress(ConnectionError):  # a reset is as good as an orderly end
            assert await reader.read() == b""
        writer.close()


async def test_a_used_address_is_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"health cannot listen on 127.0.0.1 port {port}: Addr"):
            async with answering("127.0.0.1", port, {}):
                pass


async def test_connections_beyond_the_bound_are_closed_and_others_served() -> None:
    connections = Connections(count_max=2)
    servers = [await listen("127.0.0.1", 0, hello, connections) for _ in range(2)]
    ports = [server.sockets[0].getsockname()[1] for server in servers]
    open_ = [await asyncio.open_connection("127.0.0.1", port) for port in ports]
    await until(lambda: connections.count == 2)
    reader, refused = await asyncio.open_connection("127.0.0.1", ports[0])
    assert await reader.read() == b""
    for reader, writer in open_:
        writer.write(b"GET /mine HTTP/1.1\r\n\r\n")
        assert (await reader.read()).endswith(b"hello /mine")
    await until(lambda: connections.count == 0)
    for writer in (refused, *(writer for _, writer in open_)):
        writer.close()
    for server in servers:
        server.close()


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


async def test_all_addresses_of_both_families_share_one_socket() -> None:
    server = await listen("", 0, hello, Connections())
    port = server.sockets[0].getsockname()[1]
    assert len(server.sockets) == 1
    hosts = ["127.0.0.1", "[::1]"] if has_ipv6() else ["127.0.0.1"]
    async with httpx.AsyncClient(trust_env=False) as client:
        for host in hosts:
            assert (await client.get(f"http://{host}:{port}/")).status_code == 200
    server.close()


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
async def test_an_address_of_one_family_leaves_the_port_of_the_other_free() -> None:
    mine = await listen("::1", 0, hello, Connections())
    port = mine.sockets[0].getsockname()[1]
    other = await listen("127.0.0.1", port, hello, Connections())
    for server in (mine, other):
        server.close()
