"""Watch streams: the encoding of events, and delivery with little memory for each client.

    type, revision that it completes, object -> a line of JSON, or a server-sent event
    initial state, then new events at every flush -> the client

An id is sent only where a stream may resume: with the last event of a revision, and with the
bookmark after the initial state.

While a client's socket is writable, the flush itself sends the events: no task is woken.
For a slow client a task waits, and after ``STALL_S`` its connection is aborted.

Source: contract.md, "GET /watch"; the HTML standard, "Server-sent events"; the ASGI
specification, "HTTP Connection Scope".
"""

import asyncio
import types
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Final, Protocol

from fastapi.responses import StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.http.at_once import AtOnce, at_once
from app.domain.names import Revision

NDJSON, SSE = "application/x-ndjson", "text/event-stream"
ERROR = "ERROR"  # the type of an event that ends a stream
STALL_S = 30.0  # seconds a client may take to read what it was sent
ABORT: Final = "waypost.abort"  # key of a request's scope: the function that aborts its connection
_STREAMS: Final = (NDJSON.encode(), SSE.encode())
_DEFERRED: Final = "waypost.deferred"  # key of a scope: deliveries to run after all layers returned
_LATE_S = 0.01  # seconds after its deadline at which a stream is asked, never before it

Frame = Callable[[str, Revision | None, bytes], bytes]
"""Type, the revision to resume after (None before its last event), object -> bytes."""


def ndjson_frame(type_: str, _: Revision | None, body: bytes) -> bytes:
    """Write an event as one line of JSON."""
    return b'{"type":"%b","object":%b}\n' % (type_.encode(), body)


def sse_frame(type_: str, whole: Revision | None, body: bytes) -> bytes:
    """Write an event as a server-sent event; its id is the revision that it completes.

    A client keeps the last id, so after a disconnect inside a revision, or inside the initial
    state, it receives all of it again.  An error resets the id, as nothing can be resumed.
    """
    id_ = b"" if whole is None else b"id: %d\n" % whole
    if type_ == ERROR:
        id_ = b"id:\n"
    return b"%bevent: %b\ndata: %b\n\n" % (id_, type_.encode(), body)


class Stream(Protocol):
    """Source of what is sent: an initial state, then what is due each time it is asked."""

    @property
    def deadline_s(self) -> float:
        """Latest end of the stream, by the event loop's clock."""
        ...

    @property
    def is_over(self) -> bool:
        """Whether the stream has given its last piece."""
        ...

    @property
    def is_behind(self) -> bool:
        """Whether more is due immediately."""
        ...

    @property
    def yielding_lock(self) -> AbstractAsyncContextManager[None]:
        """Entered before the stream is asked for more than a flush makes due."""
        ...

    def initial(self) -> AsyncGenerator[bytes, None]:
        """Yield the initial state in pieces, made under its own lock."""
        ...

    def due(self) -> bytes:
        """Give what is due now, often nothing."""
        ...

    def listen(self, listener: Callable[[], None]) -> Callable[[], object]:
        """Call ``listener`` whenever something may be due; returns the function that ends that."""
        ...

    def counted(self) -> AbstractContextManager[None]:
        """Count the stream as open for the length of the block."""
        ...


class EventStream(StreamingResponse):
    """A stream that ends when the client disconnects, or does not read for too long.

    There are thousands at a time, so each is one task.  Below ``deferred_delivery`` the task
    begins when the middleware in between has returned, whose frames would otherwise stay in
    memory as long as the stream.
    """

    def __init__(
        self,
        stream: Stream,
        *,
        media_type: str,
        headers: Mapping[str, str],
        stall_s: float = STALL_S,
    ) -> None:
        """Answer with ``stream``; abort when the client reads nothing for ``stall_s``."""
        super().__init__(stream.initial(), media_type=media_type, headers=headers)
        self._stream, self._stall_s = stream, stall_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the head, and the stream piece by piece until it ends or the client disconnects."""
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        if _DEFERRED in scope:
            scope[_DEFERRED].append(self._deliver)
        else:
            await self._deliver(scope, receive, send)

    async def _deliver(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                delivery = _Delivery(self._stream, send, tasks, self._stall_s)
                with self._stream.counted():
                    try:
                        await _disconnected(receive)  # also received after the last piece
                    finally:
                        delivery.end()
        except* TimeoutError:
            if ABORT in scope:  # else the server would buffer what the client does not read
                scope[ABORT]()
                await _disconnected(receive)


class _Delivery:
    """Delivery of one stream at the speed of its client, without a queue."""

    def __init__(
        self, stream: Stream, send: Send, tasks: asyncio.TaskGroup, stall_s: float
    ) -> None:
        self._stream, self._send, self._tasks = stream, send, tasks
        self._stall_s = stall_s
        self._unlisten = self._cancel_timer = _nothing
        self._has_ended = False
        self._at_once: AtOnce | None = None
        self._waiting: asyncio.Task[None] | None = tasks.create_task(self._begin())

    def end(self) -> None:
        """Send no more."""
        self._has_ended = True
        self._unlisten()
        self._cancel_timer()
        self._unlisten = self._cancel_timer = _nothing  # they refer back to this delivery
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
        self._at_once = at_once(self._send)
        self._unlisten = self._stream.listen(self._flush)
        loop = asyncio.get_running_loop()
        self._cancel_timer = loop.call_at(self._stream.deadline_s + _LATE_S, self._flush).cancel
        self._resume()

    async def _catch_up(self) -> None:
        """Send what has accumulated, yielding to the event loop between pieces."""
        while self._stream.is_behind:
            async with self._stream.yielding_lock:
                piece = self._stream.due()
            if piece:
                await self._send_in_time(_message(piece, more_body=not self._stream.is_over))

    async def _catch_up_and_resume(self) -> None:
        """Catch up, then leave sending to the flushes again."""
        await self._catch_up()
        self._resume()

    async def _send_in_time(self, message: dict[str, object]) -> None:
        await send_within(self._send, message, self._stall_s)

    def _resume(self) -> None:
        self._waiting = None
        self._flush()

    def _flush(self) -> None:
        """Send what is due, unless a task still waits for the client."""
        if self._has_ended or self._waiting is not None or self._stream.is_over:
            return
        try:
            piece = self._stream.due()
            if piece and (self._stream.is_over or not self._is_written(piece)):
                self._push(_message(piece, more_body=not self._stream.is_over))
            if self._stream.is_behind and self._waiting is None:
                self._waiting = self._tasks.create_task(self._catch_up_and_resume())
        except Exception as error:  # noqa: BLE001  it ends this stream, not the others of the flush
            self._waiting = self._tasks.create_task(_failed(error))

    def _is_written(self, piece: bytes) -> bool:
        return self._at_once is not None and self._at_once.write(piece)

    def _push(self, message: dict[str, object]) -> None:
        """Send now; only a send that would have to wait becomes a task."""
        sending = self._send(message).__await__()
        try:
            blocker = next(sending)
        except StopIteration:
            return
        self._waiting = self._tasks.create_task(self._wait(sending, blocker))

    async def _wait(self, sending: Generator[Any, None, None], blocker: object) -> None:
        async with asyncio.timeout(self._stall_s):
            await _rest(sending, blocker)
        await self._catch_up_and_resume()


async def send_within(send: Send, message: Message, s_max: float) -> None:
    """Send a message; raises TimeoutError when the client does not read for ``s_max``.

    Most messages need not wait, and those need no timer.
    """
    sending = send(message).__await__()
    try:
        blocker = next(sending)
    except StopIteration:
        return
    async with asyncio.timeout(s_max):
        await _rest(sending, blocker)


def is_stream(start: Message) -> bool:
    """Whether an answer that starts so is a stream of events; names are in lower case."""
    for name, value in start["headers"]:
        if name == b"content-type":
            return bytes(value).startswith(_STREAMS)
    return False


def send_at_once(scope: Scope) -> Scope:
    """Copy a request's scope without deferral: a stream is delivered by the layers below."""
    return {name: value for name, value in scope.items() if name != _DEFERRED}


def deferred_delivery(app: ASGIApp) -> ASGIApp:
    """Make the outermost middleware: it delivers streams once all layers below have returned."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        deferred: list[Callable[[Scope, Receive, Send], Awaitable[None]]] = []
        await app({**scope, _DEFERRED: deferred}, receive, send)
        for deliver in deferred:
            await deliver(scope, receive, send)

    return answer


@types.coroutine
def _rest(sending: Generator[Any, None, None], blocker: object) -> Generator[Any, None, None]:
    """Finish a send that was begun by hand, maybe outside of a task, and waits for ``blocker``."""
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


async def _disconnected(receive: Receive) -> None:
    """Wait until the client has disconnected."""
    while (await receive())["type"] != "http.disconnect":
        pass
