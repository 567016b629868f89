"""Send a stream for as long as its client reads it, and keep nothing else in memory for it.

    pieces -> one task that sends, one that listens for the client's leaving

Source: contract.md, "GET /watch".
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from fastapi.responses import StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

STALL_S = 30.0  # seconds a client may take to read what it was sent
_LATER: Final = "waypost.later"  # in a request's scope: what is sent after all have returned


class EventStream(StreamingResponse):
    """A stream that ends when the client goes, or does not read for too long.

    There are thousands at a time, so each is one task, and a second that listens;
    below ``Outermost`` it is sent when the layers between have returned, which
    would otherwise be kept in memory for as long as it lasts.
    """

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
            scope[_LATER].append(self._send_pieces)
        else:
            await self._send_pieces(receive, send)

    async def _send_pieces(self, receive: Receive, send: Send) -> None:
        delivery = _Delivery(send)
        listening = asyncio.create_task(_gone(receive))
        listening.add_done_callback(delivery.end)
        try:
            async for piece in self.body_iterator:
                await delivery.send(piece, more_body=True)
            await delivery.send(b"", more_body=False)
        except asyncio.CancelledError:
            if not delivery.is_ended_by_client():
                raise  # somebody else wants it to end
        finally:
            delivery.close()
            listening.cancel()


class _Delivery:
    """The task that sends one stream; it is cancelled when its client goes, or stops reading.

    A timer for every piece would cost more than the sending: one looks now and then.
    """

    def __init__(self, send: Send) -> None:
        task = asyncio.current_task()
        assert task is not None, "an application runs in a task"
        self._task = task
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._begun_at: float | None = None
        self._cancels = 0
        self._look = self._loop.call_later(STALL_S, self._look_again)

    async def send(self, piece: object, *, more_body: bool) -> None:
        """Send a piece; whoever has not read it after ``STALL_S`` to twice that is left."""
        self._begun_at = self._loop.time()
        await self._send({"type": "http.response.body", "body": piece, "more_body": more_body})
        self._begun_at = None

    def end(self, heard: "asyncio.Task[None] | None" = None) -> None:
        """Cancel the task on the client's account, unless the stream is over."""
        if not (self._look.cancelled() or (heard is not None and heard.cancelled())):
            self._look.cancel()
            self._cancels += 1
            self._task.cancel()

    def is_ended_by_client(self) -> bool:
        """Whether nobody else has cancelled the task, and it may end in peace."""
        return self._cancels > 0 and not self._task.uncancel()

    def close(self) -> None:
        """Look no more."""
        self._look.cancel()

    def _look_again(self) -> None:
        if self._begun_at is not None and self._loop.time() - self._begun_at >= STALL_S:
            self.end()
        else:
            self._look = self._loop.call_later(STALL_S, self._look_again)


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
        later: list[Callable[[Receive, Send], Awaitable[None]]] = []
        await self._app({**scope, _LATER: later}, receive, send)
        for send_pieces in later:
            await send_pieces(receive, send)


async def _gone(receive: Receive) -> None:
    """Wait until the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
