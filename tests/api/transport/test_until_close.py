"""Answers without a length: chunks for HTTP/1.1, the end of the connection for HTTP/1.0."""

import asyncio
from dataclasses import dataclass

import pytest
from starlette.types import Receive, Scope, Send

from tests.api.sockets import said, serving

PIECES = (b"one\n", b"", b"two\n" * 50_000, b"three\n")


@dataclass(frozen=True, slots=True)
class InPieces:
    """Answers in pieces, with or without Content-Length; then waits for the test."""

    has_length: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        await receive()
        length = str(sum(map(len, PIECES))).encode()
        head = [(b"Content-Length", length)] if self.has_length else []
        await send({"type": "http.response.start", "status": 200, "headers": head})
        for piece in PIECES:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def parts(answer: bytes) -> tuple[bytes, bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.lower(), body


@pytest.mark.parametrize("wish", [b"", b"connection: keep-alive\r\n"])
@pytest.mark.parametrize("has_length", [False, True])
async def test_http_1_0_gets_no_chunks(has_length: bool, wish: bytes) -> None:  # noqa: FBT001  a case of the table
    async with serving(InPieces(has_length)) as port:
        head, body = parts(await said(port, b"GET / HTTP/1.0\r\n" + wish + b"\r\n"))
    assert body == b"".join(PIECES)
    assert b"transfer-encoding" not in head
    assert b"connection: close" in head
    assert (b"content-length" in head) == has_length


async def test_http_1_1_gets_chunks_and_keeps_its_connection() -> None:
    async with serving(InPieces()) as port:
        request = b"GET / HTTP/1.1\r\nhost: localhost\r\n"
        answer = await said(port, request + b"\r\n" + request + b"connection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200") == 2
    assert answer.count(b"transfer-encoding: chunked") == 2
    assert answer.endswith(b"0\r\n\r\n")
    assert answer.count(b"connection: close") == 1


async def test_a_pipelined_request_of_http_1_0_is_not_answered() -> None:
    async with serving(InPieces()) as port:
        answer = await said(port, b"GET / HTTP/1.0\r\n\r\n" * 3)
    assert answer.count(b"HTTP/1.1 200") == 1


async def test_http_1_0_gets_no_100_continue() -> None:
    head = b"POST / HTTP/1.0\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\n"
    async with serving(InPieces()) as port:
        answer = await said(port, head + b"x")
    assert answer.startswith(b"HTTP/1.1 200")


async def test_pieces_are_sent_as_they_are_made() -> None:
    going_on = asyncio.Event()

    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        if scope["type"] != "http":
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"first\n", "more_body": True})
        await going_on.wait()
        await send({"type": "http.response.body", "body": b"last\n"})

    async with serving(stream) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        assert (await reader.readuntil(b"first\n")).endswith(b"\r\n\r\nfirst\n")
        going_on.set()
        assert await reader.read() == b"last\n"
        writer.close()
