"""One connection: pipelined requests, heads without end, and disconnects."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from starlette.types import Receive, Scope, Send

from app.api.transport.connection import (
    HEAD_LINES_MAX,
    HEAD_OCTETS_MAX,
    HEAD_S_MAX,
    PARSED_AT_ONCE,
    PIPELINED_MAX,
    TARGET_OCTETS_MAX,
    Connection,
)
from app.api.transport.server import HTTPServer, listen
from tests.waiting import until

SHORTEST = len(b"GET / HTTP/1.1\r\n\r\n")
HEAD = "GET /{} HTTP/1.1\r\nhost: waypost\r\n"


@dataclass(slots=True)
class Echo:
    """Answers with the path and the size of the body; notes how many requests are queued."""

    queued_max: int = 0
    going_on: asyncio.Event = field(default_factory=asyncio.Event)
    answered: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        await self.going_on.wait()
        size = 0
        while (message := await receive()).get("more_body", False):
            size += len(message.get("body", b""))
        size += len(message.get("body", b""))
        self.queued_max = max(self.queued_max, *(len(each.pipeline) for each in OPEN))
        self.answered += 1
        body = f"{scope['path']} {size}\n".encode()
        head = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": body})


OPEN: set[Connection] = set()


@asynccontextmanager
async def talking_to(
    app: Callable[[Scope, Receive, Send], Awaitable[None]], *, head_s_max: float = HEAD_S_MAX
) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter], None]:
    """Serve ``app``, and open one connection to it."""
    ready = asyncio.Event()
    with listen("127.0.0.1", 0) as listener:
        server = HTTPServer(app, started=ready.set, stopping=lambda: None, head_s_max=head_s_max)
        running = asyncio.create_task(server.serve([listener]))
        try:
            await ready.wait()
            OPEN.clear()
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            await until(lambda: bool(server.server_state.connections))
            OPEN.update(c for c in server.server_state.connections if isinstance(c, Connection))
            yield reader, writer
            writer.close()
        finally:
            server.should_exit = True
            await running


async def bodies(reader: asyncio.StreamReader, count: int) -> list[str]:
    found: list[str] = []
    for _ in range(count):
        await reader.readuntil(b"\r\n\r\n")
        found.append((await reader.readuntil(b"\n")).decode().strip())
    return found


@pytest.fixture
def echo() -> Echo:
    app = Echo()
    app.going_on.set()
    return app


@pytest.mark.parametrize("count", [1, 2, PIPELINED_MAX + 1, 3_000])
async def test_pipelined_requests_are_answered_in_order_and_few_are_queued(
    echo: Echo, count: int
) -> None:
    async with talking_to(echo) as (reader, writer):
        writer.write("".join(HEAD.format(n) + "\r\n" for n in range(count)).encode())
        assert await bodies(reader, count) == [f"/{n} 0" for n in range(count)]
    assert echo.queued_max <= PIPELINED_MAX + PARSED_AT_ONCE // SHORTEST


async def test_pipelined_requests_above_the_limit_are_not_read_from_the_socket(echo: Echo) -> None:
    echo.going_on.clear()
    request = HEAD.format("a") + "\r\n"
    async with talking_to(echo) as (reader, writer):
        count = 20_000
        writer.write((request * count).encode())
        (server_side,) = OPEN
        await until(lambda: len(server_side.pipeline) >= PIPELINED_MAX)
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(server_side.pipeline) <= PIPELINED_MAX + PARSED_AT_ONCE // SHORTEST
        assert server_side.flow.read_paused
        echo.going_on.set()
        assert len(await bodies(reader, count)) == count


async def test_bodies_of_pipelined_requests_are_kept_apart(echo: Echo) -> None:
    sizes = [0, 1, 100_000, 5, 200_000, 0, 3]
    sent = b"".join(
        f"POST /{n} HTTP/1.1\r\nhost: a\r\ncontent-length: {size}\r\n\r\n".encode() + b"x" * size
        for n, size in enumerate(sizes)
    )
    async with talking_to(echo) as (reader, writer):
        writer.write(sent)
        assert await bodies(reader, len(sizes)) == [f"/{n} {s}" for n, s in enumerate(sizes)]


@pytest.mark.parametrize("before", [0, 1, 3])
@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("no HTTP at all\r\n\r\n", 400),
        (HEAD.format("a") + "x: y\r\n" * (HEAD_LINES_MAX + 1) + "\r\n", 431),
        (HEAD.format("a") + f"x: {'y' * 520}\r\n" * 2 * HEAD_LINES_MAX + "\r\n", 431),
        (HEAD.format("a") + "x: " + "y" * (HEAD_OCTETS_MAX + PARSED_AT_ONCE), 431),
        (HEAD.format("a" * TARGET_OCTETS_MAX), 414),
        (HEAD.format("a" * (HEAD_OCTETS_MAX + PARSED_AT_ONCE)), 414),
        (
            HEAD.format("?" + "a" * HEAD_OCTETS_MAX).removesuffix(" HTTP/1.1\r\nhost: waypost\r\n"),
            414,
        ),
        ("CONNECT waypost:443 HTTP/1.1\r\nhost: waypost:443\r\n\r\n", 405),
        (
            HEAD.format("a").replace("GET /a", "CONNECT waypost:443")
            + "connection: upgrade\r\nupgrade: h2c\r\n\r\n",
            405,
        ),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        ("\r\n" * HEAD_OCTETS_MAX, 431),
    ],
)
async def test_an_invalid_or_too_large_head_ends_the_connection_after_earlier_answers(
    echo: Echo, before: int, head: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with talking_to(echo) as (reader, writer):
        writer.write(((HEAD.format("ok") + "\r\n") * before + head).encode())
        assert await bodies(reader, before) == ["/ok 0"] * before
        rest = await reader.read()
    assert rest.count(b"HTTP/1.1 ") == 1
    first_line, _, rest_of_it = rest.partition(b"\r\n")
    assert first_line.startswith(f"HTTP/1.1 {status} ".encode())
    assert json.loads(rest_of_it.partition(b"\r\n\r\n")[2])["code"] == status
    assert echo.answered == before
    assert [each for each in caplog.records if each.levelname == "ERROR"] == []


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"FOO / HTTP/1.1\r\n\r\n", "Invalid method encountered"),
        (b"\x16\x03\x01\x02\x00\x01\x00", "Invalid method encountered"),  # TLS
        (b"GET /a b HTTP/1.1\r\n\r\n", "Expected HTTP/"),
    ],
)
async def test_a_refusal_says_why_a_head_is_invalid(echo: Echo, octets: bytes, reason: str) -> None:
    async with talking_to(echo) as (reader, writer):
        writer.write(octets)
        answer = await reader.read()
    message = json.loads(answer.partition(b"\r\n\r\n")[2])["message"]
    assert message.startswith(f"the request is not valid HTTP/1.1: {reason}")


@pytest.mark.parametrize("begun", ["", "2\r\n{}\r\n"])
@pytest.mark.parametrize("before", [0, 2])
async def test_an_invalid_body_gets_one_answer_and_ends_the_connection(
    echo: Echo, begun: str, before: int
) -> None:
    head = HEAD.format("a").replace("GET", "POST") + "transfer-encoding: chunked\r\n\r\n"
    async with talking_to(echo) as (reader, writer):
        writer.write(((HEAD.format("ok") + "\r\n") * before + head + begun + "zz\r\n").encode())
        assert await bodies(reader, before) == ["/ok 0"] * before
        rest = await reader.read()
    assert rest.startswith(b"HTTP/1.1 400 ")
    assert rest.count(b"HTTP/1.1 ") == 1


SMUGGLED = "GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n"
GET, POST = "GET /a HTTP/1.1\r\nhost: a\r\n", "POST /a HTTP/1.1\r\nhost: a\r\n"
CHUNKS = f"{POST}transfer-encoding: chunked\r\n\r\n"
AMBIGUOUS = {
    "length and chunks": f"{POST}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": f"{POST}content-length: 0\r\ncontent-length: 5\r\n\r\n",
    "equal lengths": f"{POST}content-length: 0\r\ncontent-length: 0\r\n\r\n",
    "a list of lengths": f"{POST}content-length: 0, 0\r\n\r\n",
    "a signed length": f"{POST}content-length: +0\r\n\r\n",
    "a hexadecimal length": f"{POST}content-length: 0x0\r\n\r\n",
    "chunks that are not last": f"{POST}transfer-encoding: chunked, gzip\r\n\r\n",
    "another coding": f"{POST}transfer-encoding: xchunked\r\n\r\n",
    "a blank before the colon": "GET /a HTTP/1.1\r\nhost : a\r\n\r\n",
    "a folded line": f"{GET}x: y\r\n z\r\n\r\n",
    "a first line that is folded": "GET /a HTTP/1.1\r\n host: a\r\n\r\n",
    "lines without CR": "GET /a HTTP/1.1\nhost: a\n\n",
    "a CR within a value": f"{GET}x: y\rz: a\r\n\r\n",
    "a NUL within a value": f"{GET}x: y\0\r\n\r\n",
    "a NUL within a name": f"{GET}x\0: y\r\n\r\n",
    "a name that is empty": f"{GET}: y\r\n\r\n",
    "a method in lower case": GET.replace("GET", "get") + "\r\n",
    "another version": GET.replace("1.1", "3.0") + "\r\n",
    "a line feed in a chunk's extension": f"{CHUNKS}0;x\ny\r\n\r\n",
    "a chunk that is longer than its size": f"{CHUNKS}1\r\nxy\r\n0\r\n\r\n",
    "a size with a blank": f"{CHUNKS} 0\r\n\r\n",
    "a size with a sign": f"{CHUNKS}-1\r\n\r\n",
    "a size beyond 64 bits": f"{CHUNKS}{'f' * 17}\r\n\r\n",
}


@pytest.mark.parametrize("octets", AMBIGUOUS.values(), ids=AMBIGUOUS)
async def test_what_another_server_might_read_otherwise_is_refused(echo: Echo, octets: str) -> None:
    async with talking_to(echo) as (reader, writer):
        writer.write((octets + SMUGGLED).encode())
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 400 "), answer
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"/smuggled" not in answer


@pytest.mark.parametrize("before", [0, 1])
async def test_a_head_that_does_not_end_times_out(echo: Echo, before: int) -> None:
    async with talking_to(echo, head_s_max=0.2) as (reader, writer):
        if before:
            writer.write((HEAD.format("ok") + "\r\n").encode())
            await bodies(reader, 1)
        writer.write(HEAD.format("never").encode())
        assert (await reader.read()).startswith(b"HTTP/1.1 408 Request Timeout\r\n")


async def test_a_connection_without_a_request_is_closed(echo: Echo) -> None:
    async with talking_to(echo, head_s_max=0.05) as (reader, _):
        assert await reader.read() == b""


async def test_queued_requests_of_a_disconnected_client_are_never_begun(echo: Echo) -> None:
    echo.going_on.clear()
    async with talking_to(echo) as (_, writer):
        writer.write((HEAD.format("a") + "\r\n").encode() * 10)
        (server_side,) = OPEN
        await until(lambda: len(server_side.pipeline) == 9)
        writer.close()
        await until(lambda: not server_side.pipeline)
        echo.going_on.set()
    assert echo.answered <= 1


async def test_trailer_fields_are_dropped(echo: Echo) -> None:
    seen: list[list[bytes]] = []

    async def remembering(scope: Scope, receive: Receive, send: Send) -> None:
        await echo(scope, receive, send)
        if scope["type"] == "http":
            seen.append([name for name, _ in scope["headers"]])

    head = HEAD.format("a").replace("GET", "POST") + "transfer-encoding: chunked\r\n\r\n"
    behind = "2\r\n{}\r\n0\r\nhost: evil.example\r\ncontent-type: application/json\r\n\r\n"
    async with talking_to(remembering) as (reader, writer):
        writer.write((head + behind).encode() * 2)
        assert await bodies(reader, 2) == ["/a 2"] * 2
    assert seen == [[b"host", b"transfer-encoding"]] * 2


async def test_trailer_fields_above_the_limit_end_the_connection(echo: Echo) -> None:
    head = HEAD.format("a").replace("GET", "POST") + "transfer-encoding: chunked\r\n\r\n"
    async with talking_to(echo) as (reader, writer):
        writer.write((head + "0\r\n" + "x: y\r\n" * (HEAD_LINES_MAX + 1)).encode())
        assert (await reader.read()).startswith(b"HTTP/1.1 431 ")


WANTS_MORE = (
    "POST /{} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    "HTTP2-Settings: AAMAAABkAAQ\r\n"
)


@pytest.mark.parametrize("split", [1, 7, 10_000])
@pytest.mark.parametrize("protocol", ["h2c", "websocket", "h2c\r\nUpgrade: websocket"])
async def test_a_protocol_upgrade_is_ignored_and_answered_as_any_request(
    echo: Echo, split: int, protocol: str
) -> None:
    head = WANTS_MORE.replace("h2c", protocol)
    sent = (
        head.format("no-body")
        + "\r\n"
        + head.format("length")
        + "content-length: 5\r\n\r\nhello"
        + head.format("chunks")
        + "transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        + HEAD.format("next")
        + "\r\n"
    ).encode()
    async with talking_to(echo) as (reader, writer):
        for at in range(0, len(sent), split):
            writer.write(sent[at : at + split])
            await asyncio.sleep(0)
        assert await bodies(reader, 4) == ["/no-body 0", "/length 5", "/chunks 3", "/next 0"]


@pytest.mark.parametrize("split", [1, 10_000])
async def test_a_request_in_the_body_of_another_with_an_upgrade_is_never_begun(
    echo: Echo, split: int
) -> None:
    inner = HEAD.format("smuggled") + "\r\n"
    outer = WANTS_MORE.format("outer")
    sent = (
        f"{outer}content-length: {len(inner)}\r\n\r\n{inner}"
        f"{outer}transfer-encoding: chunked\r\n\r\n{len(inner):x}\r\n{inner}\r\n0\r\n\r\n"
        f"{HEAD.format('next')}\r\n"
    ).encode()
    async with talking_to(echo) as (reader, writer):
        for at in range(0, len(sent), split):
            writer.write(sent[at : at + split])
            await asyncio.sleep(0)
        size = len(inner)
        assert await bodies(reader, 3) == [f"/outer {size}"] * 2 + ["/next 0"]
    assert echo.answered == 3


@pytest.mark.parametrize("path", ["/x", "http://a/x", "http://a/x?y=http://b/"])
async def test_an_upgrade_keeps_the_target(echo: Echo, path: str) -> None:
    head = WANTS_MORE.format("a").replace("/a", path, 1)
    async with talking_to(echo) as (reader, writer):
        writer.write((head + "\r\n" + HEAD.format("next") + "\r\n").encode())
        assert await bodies(reader, 2) == ["/x 0", "/next 0"]


@pytest.mark.parametrize(
    "rest",
    [
        "content-length: 1\r\ncontent-length: 2\r\n\r\n",
        "content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        "transfer-encoding: chunked, identity\r\n\r\n",
        "x : y\r\n\r\n",
        "x: a\r\n b\r\n\r\n",
        "x: a\nhost: b\r\n\r\n",
    ],
)
async def test_a_request_with_an_upgrade_is_parsed_as_strictly(echo: Echo, rest: str) -> None:
    async with talking_to(echo) as (reader, writer):
        writer.write((WANTS_MORE.format("a") + rest).encode())
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
    assert echo.answered == 0
