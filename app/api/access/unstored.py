"""The layer that lets no cache store what was authorised for one caller.

    request with a permit -> the application -> its answer with Cache-Control: no-store

A browser, or a proxy between, would give it to whoever asks next.  What everybody may see is left
as it is.

Source: access.md 5.1; RFC 9111 section 5.2.2.5.
"""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.access.identity import permit_of
from app.api.credentials.outcomes import Method

_NAME: Final = b"cache-control"
_NO_STORE: Final = (_NAME, b"no-store")


class Unstored:
    """Middleware that adds the header, unless the route has its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and add the header to the head of its answer."""
        permit = permit_of(scope)

        async def send_unstored(message: Message) -> None:
            if message["type"] == "http.response.start":
                fields = message["headers"]
                if all(name.lower() != _NAME for name, _ in fields):
                    message = {**message, "headers": [*fields, _NO_STORE]}
            await send(message)

        is_personal = permit is not None and permit.caller.method is not Method.ANONYMOUS
        await self._app(scope, receive, send_unstored if is_personal else send)
