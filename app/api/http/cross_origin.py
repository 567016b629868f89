"""Pages of other origins that may read and write, if an operator lists them (CORS).

    preflight                     -> 204 or a refusal, without authentication
    request of a listed origin    -> its answer, with the header fields that let the page read it

A preflight carries no credentials, so it is answered before authentication, but after limits and
the checks of Host and Origin.  Header fields are added to refusals of all layers, so that a page
can tell 429 from a broken connection.  Cookies and client certificates are not asked for: a page
sends a token that its user gave it.

Source: the Fetch standard, "CORS protocol"; spec access 5.2.
"""

from collections.abc import Collection
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.errors import refused
from app.domain.errors import BadRequest

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
REQUEST_FIELDS: Final = (
    "Authorization",
    "If-Match",
    "If-None-Match",
    "Impersonate-Group",
    "Impersonate-Uid",
    "Impersonate-User",
    "Last-Event-ID",
    "traceparent",
    "X-Request-Id",
)
"""Header fields that a page may send, besides those that any page may."""
ANSWER_FIELDS: Final = (
    "Allow",
    "ETag",
    "Location",
    "Retry-After",
    "Waypost-Namespaces",
    "Warning",
    "WWW-Authenticate",
    "traceparent",
    "X-Request-Id",
)
"""Header fields of answers that a page may read, besides those that any page may."""
KEPT_S: Final = 600  # seconds for which a browser may keep the answer to a preflight
_REQUESTED: Final = "access-control-request-method"


class _CrossOrigin(CORSMiddleware):
    def __init__(self, app: ASGIApp, *, origins: Collection[str]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=METHODS,
            allow_headers=REQUEST_FIELDS,
            allow_private_network=True,  # a listed origin may reach a server on loopback
            expose_headers=ANSWER_FIELDS,
            max_age=KEPT_S,
        )


class ReadableAnswers(_CrossOrigin):
    """Middleware that lets pages of the listed origins read answers."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the header fields, except to the answer of a preflight, which has its own."""
        headers = Headers(scope=scope) if scope["type"] == "http" else None
        if headers is None or _is_preflight(scope, headers):
            await self.app(scope, receive, send)
        else:
            await self.simple_response(scope, receive, send, request_headers=headers)


class Preflights(_CrossOrigin):
    """Middleware that answers preflights."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight, or pass a request on."""
        headers = Headers(scope=scope) if scope["type"] == "http" else None
        if headers is None or not _is_preflight(scope, headers):
            await self.app(scope, receive, send)
            return
        await self.preflight_response(headers)(scope, receive, send)

    def preflight_response(self, request_headers: Headers) -> Response:
        """Answer 204, or a Status that says what is not allowed."""
        found = super().preflight_response(request_headers)
        allowed = {
            name: value for name, value in found.headers.items() if not name.startswith("content-")
        }
        if found.status_code == HTTPStatus.OK:
            return Response(status_code=HTTPStatus.NO_CONTENT, headers=allowed)
        response = refused(BadRequest(bytes(found.body).decode()))
        response.headers.update(allowed)
        return response


def _is_preflight(scope: Scope, headers: Headers) -> bool:
    return scope["method"] == "OPTIONS" and "origin" in headers and _REQUESTED in headers
