"""Answers of unknown length to HTTP/1.0 clients, which do not know chunked encoding.

    start without Content-Length, pieces -> start, the bare pieces -> the connection closes

The end of the connection ends the answer (RFC 9112 section 6.3, the last rule).  Depends on
attributes of uvicorn's cycle, as ``app.api.http.connection`` does.
"""

from typing import TYPE_CHECKING, cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

_LENGTH = b"content-length"


class UntilClose:
    """Answers one request without chunked encoding."""

    def __init__(self, app: "ASGI3Application", cycle: RequestResponseCycle) -> None:
        self._app = cast("ASGIApp", app)
        self._cycle = cycle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and close the connection at the end."""
        cycle, is_bare = self._cycle, False
        cycle.keep_alive = False

        async def send_bare(message: Message) -> None:
            nonlocal is_bare
            if message["type"] == "http.response.start":
                is_bare = all(name.lower() != _LENGTH for name, _ in message["headers"])
                if is_bare:
                    cycle.chunked_encoding = False
            elif is_bare:
                cycle.expected_content_length = len(message.get("body", b""))
            await send(message)

        await self._app(scope, receive, send_bare)
