"""How much is done at once: bounds on requests, and on how long a client may dawdle.

    request -> a slot -> the application -> the slot is free
    request -> no slot -> 429, Retry-After

Streams leave the slot when they begin, and who waits for news when the wait
begins, for they are counted as watchers; health is always told.  Connections are
bounded where they are accepted.
Source: style.md 4, "Everything is bounded".
"""

import asyncio
from dataclasses import dataclass

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.bodies import BODY_BYTES_MAX
from app.api.errors import Overloaded, refused
from app.api.streams import NDJSON, SSE

REQUESTS_MAX = 512  # requests answered at once, unless it is told otherwise
PIECE_S_MAX = 30.0  # seconds a client may take to send or to read one piece
_ALWAYS_ANSWERED = frozenset({"/livez", "/readyz", "/healthz", "/metrics"})
_SLOT = "waypost.slot"
_STREAMS = (NDJSON.encode(), SSE.encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The bounds an operator sets for the application."""

    requests_max: int = REQUESTS_MAX
    body_bytes_max: int = BODY_BYTES_MAX


class RequestLimit:
    """Answers a bounded number of requests at once, and refuses the rest at once."""

    def __init__(self, app: ASGIApp, *, requests_max: int) -> None:
        """Guard ``app``."""
        self._app = app
        self._requests_max = requests_max
        self._requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take a slot for as long as the request needs it."""
        if scope["type"] != "http" or scope["path"] in _ALWAYS_ANSWERED:
            await self._app(scope, receive, send)
            return
        if self._requests >= self._requests_max:
            overloaded = Overloaded(f"{self._requests} requests are being answered already")
            await refused(overloaded)(scope, receive, send)
            return
        slot = _Slot(self, receive, send)
        scope[_SLOT] = slot
        try:
            await self._app(scope, slot.receive, slot.send)
        finally:
            slot.leave()

    def count(self, by: int) -> None:
        """Take note of a slot taken or left."""
        self._requests += by


def leave_slot(request: Request) -> None:
    """Let others be answered while this request waits for something to happen."""
    slot = request.scope.get(_SLOT)
    if isinstance(slot, _Slot):
        slot.leave()


class _Slot:
    def __init__(self, limit: RequestLimit, receive: Receive, send: Send) -> None:
        self._limit, self._receive, self._send = limit, receive, send
        self._is_whole = self._is_left = False
        limit.count(1)

    async def receive(self) -> Message:
        """Receive a piece of the body in time; raises Overloaded when it dawdles."""
        if self._is_whole:
            return await self._receive()  # what comes now is that the client has gone
        try:
            async with asyncio.timeout(PIECE_S_MAX):
                message = await self._receive()
        except TimeoutError:
            raise Overloaded("the request's body comes too slowly") from None
        self._is_whole = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Send a piece in time; a client that does not read it is left."""
        if self._is_left:
            await self._send(message)  # a stream, which has its own bound
            return
        if message["type"] == "http.response.start" and _is_stream(message):
            self.leave()
        async with asyncio.timeout(PIECE_S_MAX):
            await self._send(message)

    def leave(self) -> None:
        """Give the slot to the next."""
        if not self._is_left:
            self._is_left = True
            self._limit.count(-1)


def _is_stream(start: Message) -> bool:
    media_type = dict(start["headers"]).get(b"content-type", b"")
    return bytes(media_type).startswith(_STREAMS)
