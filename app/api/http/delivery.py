"""Send a stream for as long as its client reads it, and keep little in memory for it.

    what there is, then what is new at every beat -> the client

Who reads as fast as there is something to send is sent it by the beat itself: no
task is woken for it.  Who does not is waited for by a task, and left in the end.

Source: contract.md, "GET /watch"; the ASGI specification, "HTTP Connection Scope".
"""

import asyncio
import types
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Final, Protocol

from fastapi.responses import StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

STALL_S = 30.0  # seconds a client may take to read what it was sent
CUT: Final = "waypost.cut"  # in a request's scope: what ends its connection at once
_LATER: Final = "waypost.later"  # in a request's scope: what is sent after all have returned
_LATE_S = 0.01  # seconds by which a stream is looked at after its time, never before


class Stream(Protocol):
    """What is sent: something to begin with, then what is due whenever it is asked."""

    @property
    def deadline_s(self) -> float:
        """When it is over at the latest, by the loop's clock."""
        ...

    @property
    def is_over(self) -> bool:
        """Whether what it gave last was the last of it."""
        ...

    @property
    def is_behind(self) -> bool:
        """Whether there is more to be given at once."""
        ...

    @property
    def yielding_lock(self) -> AbstractAsyncContextManager[None]:
        """Entered before the stream is asked for more than a flush makes due."""
        ...

    def initial(self) -> AsyncGenerator[bytes, None]:
        """Give what it begins with, in pieces, in turns of its own."""
        ...

    def news(self) -> bytes:
        """Give what is due by now, often nothing."""
        ...

    def listen(self, listener: Callable[[], None]) -> Callable[[], object]:
        """Call ``listener`` whenever something may be due; returns what ends that."""
        ...

    def counted(self) -> AbstractContextManager[None]:
        """Count it, for as long as it is sent."""
        ...


class EventStream(StreamingResponse):
    """A stream that ends when the client goes, or does not read for too long.

    There are thousands at a time, so each is one task, which listens; below
    ``Outermost`` that begins when the layers between have returned, which would
    otherwise be kept in memory for as long as it lasts.
    """

    def __init__(self, stream: Stream, *, media_type: str, headers: Mapping[str, str]) -> None:
        """Answer with ``stream``."""
        super().__init__(stream.initial(), media_type=media_type, headers=headers)
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Begin, and send piece by piece until there is no more, or nobody to read it."""
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        if _LATER in scope:
            scope[_LATER].append(self._deliver)
        else:
            await self._deliver(scope, receive, send)

    async def _deliver(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                delivery = _Delivery(self._stream, send, tasks)
                with self._stream.counted():
                    try:
                        await _gone(receive)  # or has been sent all there is
                    finally:
                        delivery.end()
        except* TimeoutError:
            if CUT in scope:  # what the client does not read would be kept for it
                scope[CUT]()
                await _gone(receive)


class _Delivery:
    """One stream on its way: it is sent as its client reads, and is not kept for it meanwhile."""

    def __init__(self, stream: Stream, send: Send, tasks: asyncio.TaskGroup) -> None:
        self._stream, self._send, self._tasks = stream, send, tasks
        self._unlisten = self._cancel_look = _nothing
        self._has_ended = False
        self._waiting: asyncio.Task[None] | None = tasks.create_task(self._begin())

    def end(self) -> None:
        """Send no more."""
        self._has_ended = True
        self._unlisten()
        self._cancel_look()
        self._unlisten = self._cancel_look = _nothing  # they lead back to this delivery
        if self._waiting is not None:
            self._waiting.cancel()

    async def _begin(self) -> None:
        async for piece in self._stream.initial():
            await self._send_in_time(_message(piece))
        if self._stream.is_over:
            await self._send_in_time(_message(b"", more_body=False))
            return
        await self._catch_up()
        if self._stream.is_over:
            return
        self._unlisten = self._stream.listen(self._tell)
        loop = asyncio.get_running_loop()
        self._cancel_look = loop.call_at(self._stream.deadline_s + _LATE_S, self._tell).cancel
        self._go_on()

    async def _catch_up(self) -> None:
        """Send what there is already, in pieces of which others have theirs in between."""
        while self._stream.is_behind:
            async with self._stream.yielding_lock:
                piece = self._stream.news()
            if piece:
                await self._send_in_time(_message(piece, more_body=not self._stream.is_over))

    async def _go_on_behind(self) -> None:
        """Catch up, and from then on be told by the beat."""
        await self._catch_up()
        self._go_on()

    async def _send_in_time(self, message: dict[str, object]) -> None:
        async with asyncio.timeout(STALL_S):
            await self._send(message)

    def _go_on(self) -> None:
        self._waiting = None
        self._tell()

    def _tell(self) -> None:
        """Send what is due, unless the client is still being waited for."""
        if self._has_ended or self._waiting is not None or self._stream.is_over:
            return
        try:
            piece = self._stream.news()
            if piece:
                self._push(_message(piece, more_body=not self._stream.is_over))
            if self._stream.is_behind and self._waiting is None:
                self._waiting = self._tasks.create_task(self._go_on_behind())
        except Exception as error:  # noqa: BLE001  it ends this stream, not those told after it
            self._waiting = self._tasks.create_task(_failed(error))

    def _push(self, message: dict[str, object]) -> None:
        """Send now; only what would have to wait becomes a task."""
        sending = self._send(message).__await__()
        try:
            blocker = next(sending)
        except StopIteration:
            return
        self._waiting = self._tasks.create_task(self._wait(sending, blocker))

    async def _wait(self, sending: Generator[Any, None, None], blocker: object) -> None:
        async with asyncio.timeout(STALL_S):
            await _rest(sending, blocker)
        await self._go_on_behind()


def send_within(scope: Scope) -> Scope:
    """Give the scope of a request whose stream, if it is one, is sent by the layers below."""
    return {name: value for name, value in scope.items() if name != _LATER}


class Outermost:
    """The layer that sends streams, once all layers below have begun them and returned."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand outside ``app``."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, then send what was begun."""
        later: list[Callable[[Scope, Receive, Send], Awaitable[None]]] = []
        await self._app({**scope, _LATER: later}, receive, send)
        for deliver in later:
            await deliver(scope, receive, send)


@types.coroutine
def _rest(sending: Generator[Any, None, None], blocker: object) -> Generator[Any, None, None]:
    """Finish, in a task, what was begun outside of one and waits for ``blocker``."""
    try:
        yield blocker
    except BaseException:
        sending.close()
        raise
    yield from sending


def _message(piece: bytes, *, more_body: bool = True) -> dict[str, object]:
    return {"type": "http.response.body", "body": piece, "more_body": more_body}


async def _failed(error: Exception) -> None:
    raise error


def _nothing() -> None:
    pass


async def _gone(receive: Receive) -> None:
    """Wait until the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
