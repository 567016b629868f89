"""Answers of unknown length to HTTP/1.0 clients, which do not know chunked encoding.

    start without Content-Length, pieces -> start, the bare pieces -> the connection closes

The end of the connection ends the answer (RFC 9112 section 6.3, the last rule).  Depends on
attributes of uvicorn's cycle, as ``app.api.transport.connection`` does.
"""

from typing import TYPE_CHECKING, cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

_LENGTH = b"content-length"


def until_close(app: "ASGI3Application", cycle: RequestResponseCycle) -> "ASGI3Application":
    """Make the application answer one request without chunked encoding, and then close."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        cycle.keep_alive = is_bare = False

        async def send_bare(message: Message) -> None:
            nonlocal is_bare
            if message["type"] == "http.response.start":
                is_bare = all(name.lower() != _LENGTH for name, _ in message["headers"])
                if is_bare:
                    cycle.chunked_encoding = False
            elif is_bare:
                cycle.expected_content_length = len(message.get("body", b""))
            await send(message)

        await cast("ASGIApp", app)(scope, receive, send_bare)

    return cast("ASGI3Application", answer)
