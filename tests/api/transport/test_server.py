"""Connections: disconnects, headers, limits and upgrades."""

import asyncio
import socket
from dataclasses import dataclass, field

import pytest
from starlette.types import Receive, Scope, Send

from app.api.transport.server import SECURITY_HEADERS, HTTPServer, listen
from tests.api.sockets import said, serving, status_of
from tests.waiting import until

REQUEST = b"GET /watch HTTP/1.1\r\nhost: waypost\r\n\r\n"


@dataclass(slots=True)
class Listening:
    """Begins an answer, and waits for the disconnect."""

    running: int = 0
    left: int = 0
    begun: list[str] = field(default_factory=list[str])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        self.running += 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass
        self.running -= 1
        self.left += 1


@pytest.mark.parametrize("requests", [1, 2])
async def test_a_disconnect_ends_all_requests_of_the_connection(requests: int) -> None:
    app = Listening()
    async with serving(app) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(REQUEST * requests)  # the second waits behind the first
        await reader.readuntil(b"begun")
        assert app.running == 1
        writer.close()
        await until(lambda: app.left >= 1 and app.running == 0)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_body_does_not_wait_until_its_head_is_acknowledged(host: str) -> None:
    with listen(host, 0) as listener, socket.create_connection(listener.getsockname()[:2]):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def fails(scope: Scope, receive: Receive, send: Send) -> None:
    """Fail like an application with a bug."""
    del receive, send
    if scope["type"] == "http":
        raise LookupError(scope["path"])


def lacks(answer: bytes) -> list[str]:
    head = answer.partition(b"\r\n\r\n")[0].decode().lower().split("\r\n")
    lines = [f"{name}: {value}".lower() for name, value in SECURITY_HEADERS.items()]
    return [line for line in lines if line not in head]


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        (b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n", 500),
        (b"no HTTP at all\r\n\r\n", 400),
        (b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200 + b"\r\n", 431),
        (b"CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n", 405),
    ],
)
async def test_every_answer_has_the_security_headers(octets: bytes, status: int) -> None:
    async with serving(fails) as port:
        answer = await said(port, octets)
    assert (status_of(answer), lacks(answer)) == (status, [])
    assert (b"\r\nallow: \r\n" in answer) == (status == 405)


async def test_the_security_headers_are_set_before_the_first_connection() -> None:
    seen: list[str] = []
    with listen("127.0.0.1", 0) as listener:

        def look() -> None:
            seen.extend(name.decode() for name, _ in server.server_state.default_headers)
            server.should_exit = True

        server = HTTPServer(fails, started=look, stopping=lambda: None)
        await server.serve([listener])
    assert {name.lower() for name in SECURITY_HEADERS} <= set(seen)


async def test_a_connection_above_the_limit_is_refused_with_the_same_headers() -> None:
    app = Listening()
    async with serving(app, connections_max=1) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(REQUEST)
        await until(lambda: app.running == 1)
        answer = await said(port, b"")
        assert (status_of(answer), lacks(answer)) == (503, [])
        writer.close()


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c"])
async def test_an_upgrade_request_does_not_change_the_protocol(protocol: bytes) -> None:
    upgrade = b"connection: upgrade, close\r\nupgrade: " + protocol + b"\r\n"
    async with serving(fails) as port:
        answer = await said(port, REQUEST.removesuffix(b"\r\n") + upgrade + b"\r\n")
    assert status_of(answer) == 500, "it is answered as any request is"
