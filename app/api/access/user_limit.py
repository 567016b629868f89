"""The layer that counts each request for its user, of whom none takes all of the server.

    request with a permit -> its slot is the user's -> the application, or 429

It stands behind authentication, which is the first to know the user.  Requests that take no
slot, such as health checks, count for nobody.

Source: access.md 5.4.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.access.identity import permit_of
from app.api.errors import Overloaded, refused
from app.api.http.slots import count_for


class UserLimit:
    """Middleware that refuses a request whose user has all of its share."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count a request for its user, and pass it on or refuse it."""
        try:
            if (permit := permit_of(scope)) is not None:
                count_for(scope, permit.holder)
        except Overloaded as refusal:
            await refused(refusal)(scope, receive, send)
        else:
            await self._app(scope, receive, send)
