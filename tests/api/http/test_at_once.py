"""What is written at once is what the server would have sent; nothing where that has to wait."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send

from app.api.http.at_once import at_once
from tests.api.sockets import said, serving
from tests.waiting import until

START: Message = {"type": "http.response.start", "status": 200, "headers": []}
GET = b"%b / HTTP/%b\r\nHost: localhost\r\nConnection: close\r\n\r\n"
MUCH = b"x" * (1 << 20)


class Sending:
    """Answers with pieces, each at once or by message, as its flag says."""

    def __init__(self, pieces: Sequence[tuple[bytes, bool]]) -> None:
        self.pieces = pieces
        self.written: list[bool] = []

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        assert at_once(send) is None, "the head has not been sent"
        await send(START)
        quick = at_once(send)
        for piece, is_at_once in self.pieces:
            if is_at_once and quick is not None:
                self.written.append(quick.write(piece))
            else:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        if quick is not None:
            self.written.append(quick.write(b"after the end"))


async def body_of(sending: Sending, method: bytes = b"GET", version: bytes = b"1.1") -> bytes:
    async with serving(sending) as port:
        answer = await said(port, GET % (method, version))
    return answer.partition(b"\r\n\r\n")[2]


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=40), st.booleans()), max_size=20))
def test_a_client_reads_the_same_however_pieces_are_written(
    pieces: list[tuple[bytes, bool]],
) -> None:
    by_message = [(piece, False) for piece, _ in pieces]
    mixed = Sending(pieces)
    assert asyncio.run(body_of(mixed)) == asyncio.run(body_of(Sending(by_message)))
    assert mixed.written == [True] * sum(flag for _, flag in pieces) + [False]


@pytest.mark.parametrize(("method", "version"), [(b"HEAD", b"1.1"), (b"GET", b"1.0")])
async def test_what_is_no_answer_in_chunks_is_left_to_the_server(
    method: bytes, version: bytes
) -> None:
    sending = Sending([(b"one", True), (b"two", True)])
    body = await body_of(sending, method, version)
    assert body == (b"" if method == b"HEAD" else b"onetwo")
    assert sending.written == []


async def test_nothing_is_written_to_a_client_that_does_not_read_or_is_gone() -> None:
    written = list[bool]()
    goes_on, ended = asyncio.Event(), asyncio.Event()

    async def answer(_scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        quick = at_once(send)
        assert quick is not None
        while quick.write(MUCH):
            written.append(True)
        written.append(False)
        while (await receive())["type"] != "http.disconnect":
            goes_on.set()
        written.append(quick.write(b"x"))
        ended.set()

    async with serving(answer) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
        writer.write(GET % (b"GET", b"1.1"))
        await until(goes_on.is_set)
        assert len(written) > 1, "the kernel takes something"
        assert not written[-1], "but not everything"
        writer.transport.abort()
        await until(ended.is_set)
    assert not written[-1]
