"""A stream is sent by the flush that makes it due, for as long as its client reads."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import contextmanager

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.http import delivery
from app.api.http.delivery import ABORT, EventStream, deferred_delivery
from app.registry.yielding_lock import YieldingLock
from tests.waiting import until

SCOPE: Scope = {"type": "http"}
AN_HOUR_S = 3600.0
LAST = b"last"  # a piece of the initial state with which the time is up


class Client:
    """Reads what it is sent while ``reads`` is set, until it disconnects."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.gone = asyncio.Event()
        self.reads = asyncio.Event()
        self.reads.set()

    def abort(self) -> None:
        self.heard.append("aborted")
        self.gone.set()

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if not self.reads.is_set():
            await self.reads.wait()
        if message["type"] == "http.response.start":
            self.heard.append("start")
            return
        self.heard.append(message["body"].decode())
        if not message["more_body"]:
            self.heard.append("end")
            self.gone.set()  # after the last piece the server reports a disconnect


class Pieces:
    """A stream that gives what the test says is due."""

    def __init__(self, *initial: bytes, lasts_s: float = AN_HOUR_S) -> None:
        self._initial = initial
        self.deadline_s = asyncio.get_running_loop().time() + lasts_s
        self.pending: list[bytes | Exception] = []
        self.is_over = False
        self.is_counted = False
        self.listeners: set[Callable[[], None]] = set()
        self.yielding_lock = YieldingLock()

    @property
    def is_behind(self) -> bool:
        return bool(self.pending) and not self.is_over

    async def initial(self) -> AsyncGenerator[bytes, None]:
        for piece in self._initial:
            self.is_over = piece == LAST
            yield piece

    def due(self) -> bytes:
        if asyncio.get_running_loop().time() >= self.deadline_s:
            self.is_over = True
            return b"goodbye"
        piece = self.pending.pop(0) if self.pending else b""
        if isinstance(piece, Exception):
            raise piece
        return piece

    def listen(self, listener: Callable[[], None]) -> Callable[[], object]:
        self.listeners.add(listener)
        return lambda: self.listeners.discard(listener)

    @contextmanager
    def counted(self) -> Generator[None]:
        self.is_counted = True
        try:
            yield
        finally:
            self.is_counted = False

    def flush(self, *pieces: bytes | Exception) -> None:
        self.pending += pieces
        for listener in tuple(self.listeners):
            listener()


def answering(pieces: Pieces, client: Client, *, stall_s: float = delivery.STALL_S) -> ASGIApp:
    async def layer(scope: Scope, receive: Receive, send: Send) -> None:
        answer = EventStream(pieces, media_type="text/event-stream", headers={}, stall_s=stall_s)
        await answer(scope, receive, send)
        client.heard.append("returned")

    return layer


async def streaming(
    pieces: Pieces, client: Client, *, stall_s: float = delivery.STALL_S
) -> asyncio.Task[None]:
    """Start a stream, until it listens for flushes."""
    app = deferred_delivery(answering(pieces, client, stall_s=stall_s))
    scope = {**SCOPE, ABORT: client.abort}
    task = asyncio.ensure_future(app(scope, client.receive, client.send))
    await until(lambda: bool(pieces.listeners) or task.done())
    return task


async def test_inner_layers_have_returned_when_a_deferred_stream_is_sent() -> None:
    client, pieces = Client(), Pieces(b"1", b"2", lasts_s=0)
    await deferred_delivery(answering(pieces, client))(SCOPE, client.receive, client.send)
    assert client.heard == ["start", "returned", "1", "2", "goodbye", "end"]


async def test_without_deferral_a_stream_is_sent_by_its_own_layer() -> None:
    client, pieces = Client(), Pieces(b"1", lasts_s=0)
    await answering(pieces, client)(SCOPE, client.receive, client.send)
    assert client.heard == ["start", "1", "goodbye", "end", "returned"]


async def test_a_flush_sends_what_is_due_itself() -> None:
    client, pieces = Client(), Pieces()
    task = await streaming(pieces, client)
    pieces.flush(b"1")
    assert client.heard[2:] == ["1"], "no other task has run"
    client.gone.set()
    await task


async def test_a_slow_client_resumes_where_it_stopped() -> None:
    client, pieces = Client(), Pieces()
    task = await streaming(pieces, client)
    client.reads.clear()
    pieces.flush(b"1")
    pieces.flush(b"2")
    assert client.heard[2:] == []
    assert pieces.pending == [b"2"], "nothing more is asked for while the client does not read"
    client.reads.set()
    await until(lambda: client.heard[2:] == ["1", "2"])
    client.gone.set()
    await task


async def test_a_client_that_stalls_for_too_long_is_aborted() -> None:
    client, pieces = Client(), Pieces()
    task = await streaming(pieces, client, stall_s=0.01)
    client.reads.clear()
    pieces.flush(b"1")
    await task
    assert client.heard == ["start", "returned", "aborted"]
    assert not pieces.listeners
    assert not pieces.is_counted


async def test_a_stream_ends_when_its_client_disconnects() -> None:
    client, pieces = Client(), Pieces(b"1")
    task = await streaming(pieces, client)
    assert pieces.is_counted
    client.gone.set()
    await task
    assert client.heard == ["start", "returned", "1"]
    assert not pieces.listeners
    assert not pieces.is_counted


async def test_a_disconnect_ends_the_waiting_for_a_slow_client() -> None:
    client, pieces = Client(), Pieces()
    task = await streaming(pieces, client)
    client.reads.clear()
    pieces.flush(b"1")
    await asyncio.sleep(0)
    client.gone.set()
    await task
    assert client.heard == ["start", "returned"]


async def test_a_stream_ends_in_time_without_a_flush() -> None:
    client, pieces = Client(), Pieces(lasts_s=0.01)
    await (await streaming(pieces, client))
    assert client.heard == ["start", "returned", "goodbye", "end"]


async def test_a_stream_that_ends_within_its_initial_state_sends_nothing_more() -> None:
    client, pieces = Client(), Pieces(b"1", LAST)
    await (await streaming(pieces, client))
    assert client.heard == ["start", "returned", "1", "last", "", "end"]


async def test_a_cancelled_delivery_raises_and_is_no_disconnect() -> None:
    client, pieces = Client(), Pieces()
    task = await streaming(pieces, client)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_error_in_a_stream_ends_that_stream_and_not_the_flush() -> None:
    client, pieces = Client(), Pieces()
    task = await streaming(pieces, client)
    pieces.flush(ValueError("a fault"))
    with pytest.raises(ExceptionGroup) as failure:
        await task
    assert failure.group_contains(ValueError, match="a fault")


async def test_a_message_that_need_not_wait_is_sent_without_a_timer() -> None:
    sent = list[Message]()

    async def send(message: Message) -> None:
        sent.append(message)

    await delivery.send_within(send, {"type": "http.response.body"}, 0.0)
    assert sent == [{"type": "http.response.body"}]


async def test_a_message_that_waits_is_sent_in_time_or_not_at_all() -> None:
    reads, sent = asyncio.Event(), list[str]()

    async def send(message: Message) -> None:
        await asyncio.sleep(0)
        await reads.wait()
        sent.append(message["type"])

    with pytest.raises(TimeoutError):
        await delivery.send_within(send, {"type": "late"}, 0.01)
    task = asyncio.create_task(delivery.send_within(send, {"type": "in time"}, AN_HOUR_S))
    await asyncio.sleep(0)
    reads.set()
    await task
    assert sent == ["in time"]


async def test_a_refused_message_is_refused_to_its_sender() -> None:
    async def send(_: Message) -> None:
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await delivery.send_within(send, {"type": "http.response.body"}, AN_HOUR_S)
