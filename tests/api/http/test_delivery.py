"""A stream is sent by the beat that makes it due, for as long as somebody reads it."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import contextmanager

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.http import delivery
from app.api.http.delivery import CUT, EventStream, Outermost
from app.registry.yielding_lock import YieldingLock
from tests.waiting import until

SCOPE: Scope = {"type": "http"}
AN_HOUR_S = 3600.0
LAST = b"last"  # a piece of the initial state with which the time is up


class Client:
    """Reads what it is sent, unless it is told not to, until it goes."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.gone = asyncio.Event()
        self.reads = asyncio.Event()
        self.reads.set()

    def cut(self) -> None:
        self.heard.append("cut")
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
            self.gone.set()  # what is received after the last piece is that it is over


class Pieces:
    """Gives what the test says is due."""

    def __init__(self, *initial: bytes, lasts_s: float = AN_HOUR_S) -> None:
        self._initial = initial
        self.deadline_s = asyncio.get_running_loop().time() + lasts_s
        self.due: list[bytes | Exception] = []
        self.is_over = False
        self.is_counted = False
        self.told: set[Callable[[], None]] = set()
        self.yielding_lock = YieldingLock()

    @property
    def is_behind(self) -> bool:
        return bool(self.due) and not self.is_over

    async def initial(self) -> AsyncGenerator[bytes, None]:
        for piece in self._initial:
            self.is_over = piece == LAST
            yield piece

    def news(self) -> bytes:
        if asyncio.get_running_loop().time() >= self.deadline_s:
            self.is_over = True
            return b"goodbye"
        due = self.due.pop(0) if self.due else b""
        if isinstance(due, Exception):
            raise due
        return due

    def listen(self, listener: Callable[[], None]) -> Callable[[], object]:
        self.told.add(listener)
        return lambda: self.told.discard(listener)

    @contextmanager
    def counted(self) -> Generator[None]:
        self.is_counted = True
        try:
            yield
        finally:
            self.is_counted = False

    def beat(self, *due: bytes | Exception) -> None:
        self.due += due
        for tell in tuple(self.told):
            tell()


def answering(pieces: Pieces, client: Client) -> ASGIApp:
    async def layer(scope: Scope, receive: Receive, send: Send) -> None:
        answer = EventStream(pieces, media_type="text/event-stream", headers={})
        await answer(scope, receive, send)
        client.heard.append("returned")

    return layer


async def streaming(pieces: Pieces, client: Client) -> asyncio.Task[None]:
    """Let a client be a listener of a stream."""
    app = Outermost(answering(pieces, client))
    scope = {**SCOPE, CUT: client.cut}
    task = asyncio.create_task(app(scope, client.receive, client.send))
    await until(lambda: bool(pieces.told) or task.done())
    return task


async def test_layers_have_returned_when_the_outermost_sends() -> None:
    client, pieces = Client(), Pieces(b"1", b"2", lasts_s=0)
    await Outermost(answering(pieces, client))(SCOPE, client.receive, client.send)
    assert client.heard == ["start", "returned", "1", "2", "goodbye", "end"]


async def test_without_an_outermost_layer_the_stream_is_sent_where_it_is() -> None:
    client, pieces = Client(), Pieces(b"1", lasts_s=0)
    await answering(pieces, client)(SCOPE, client.receive, client.send)
    assert client.heard == ["start", "1", "goodbye", "end", "returned"]


async def test_what_is_due_is_sent_by_the_beat_itself() -> None:
    client, pieces = Client(), Pieces()
    task = await streaming(pieces, client)
    pieces.beat(b"1")
    assert client.heard[2:] == ["1"], "no other task has run"
    client.gone.set()
    await task


async def test_who_does_not_read_is_sent_the_rest_when_he_does() -> None:
    client, pieces = Client(), Pieces()
    task = await streaming(pieces, client)
    client.reads.clear()
    pieces.beat(b"1")
    pieces.beat(b"2")
    assert client.heard[2:] == []
    assert pieces.due == [b"2"], "nothing more is asked for while he does not read"
    client.reads.set()
    await until(lambda: client.heard[2:] == ["1", "2"])
    client.gone.set()
    await task


async def test_who_does_not_read_for_too_long_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "STALL_S", 0.01)
    client, pieces = Client(), Pieces()
    task = await streaming(pieces, client)
    client.reads.clear()
    pieces.beat(b"1")
    await task
    assert client.heard == ["start", "returned", "cut"]
    assert not pieces.told
    assert not pieces.is_counted


async def test_a_stream_ends_when_its_client_goes() -> None:
    client, pieces = Client(), Pieces(b"1")
    task = await streaming(pieces, client)
    assert pieces.is_counted
    client.gone.set()
    await task
    assert client.heard == ["start", "returned", "1"]
    assert not pieces.told
    assert not pieces.is_counted


async def test_a_client_that_goes_while_it_is_waited_for_ends_the_waiting() -> None:
    client, pieces = Client(), Pieces()
    task = await streaming(pieces, client)
    client.reads.clear()
    pieces.beat(b"1")
    await asyncio.sleep(0)
    client.gone.set()
    await task
    assert client.heard == ["start", "returned"]


async def test_a_stream_ends_in_time_without_a_beat() -> None:
    client, pieces = Client(), Pieces(lasts_s=0.01)
    await (await streaming(pieces, client))
    assert client.heard == ["start", "returned", "goodbye", "end"]


async def test_a_stream_that_is_over_before_its_initial_state_is_says_no_more() -> None:
    client, pieces = Client(), Pieces(b"1", LAST)
    await (await streaming(pieces, client))
    assert client.heard == ["start", "returned", "1", "last", "", "end"]


async def test_being_cancelled_is_not_taken_for_a_client_that_has_gone() -> None:
    client, pieces = Client(), Pieces()
    task = await streaming(pieces, client)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_fault_of_ours_ends_the_stream_and_none_that_is_told_after_it() -> None:
    client, pieces = Client(), Pieces()
    task = await streaming(pieces, client)
    pieces.beat(ValueError("a fault"))
    with pytest.raises(ExceptionGroup) as failure:
        await task
    assert failure.group_contains(ValueError, match="a fault")
