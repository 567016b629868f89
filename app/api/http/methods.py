"""Methods common to all resources: HEAD, OPTIONS, and a complete ``Allow`` header.

    HEAD    -> the answer of GET without its body
    OPTIONS -> 204, Allow
    405     -> Allow lists every method of the path, not those of one route

A stream begun for HEAD ends with its headers.  Source: RFC 9110 sections 9.1, 9.3.2,
9.3.7 and 10.2.1.
"""

from collections.abc import Iterable
from http import HTTPStatus

from fastapi import Response
from starlette.datastructures import MutableHeaders
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.http.delivery import send_at_once

_ALLOW = "Allow"
_HEAD, _GET, _OPTIONS = "HEAD", "GET", "OPTIONS"


class Methods:
    """Middleware for the methods that no route declares."""

    def __init__(self, app: ASGIApp, *, routes: Iterable[Route]) -> None:
        self._app = app
        self._routes = tuple(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        method = scope.get("method")  # a lifespan has none
        if method == _HEAD:
            await self._without_body(scope, receive, send)
        elif method == _OPTIONS and (allowed := self._allowed(scope["path"])):
            headers = {_ALLOW: allowed}
            response = Response(status_code=HTTPStatus.NO_CONTENT, headers=headers)
            await response(scope, receive, send)
        else:
            await self._app(scope, receive, self._with_allow(scope, send))

    def _allowed(self, path: str) -> str:
        """List the methods of a path; nothing when there is no such path."""
        found = {
            method
            for route in self._routes
            if route.path_regex.match(path)
            for method in route.methods or ()
        }
        if not found:
            return ""
        found.add(_OPTIONS)
        if _GET in found:
            found.add(_HEAD)
        return ", ".join(sorted(found))

    async def _without_body(self, scope: Scope, receive: Receive, send: Send) -> None:
        inner = send_at_once({**scope, "method": _GET})
        send_start = self._with_allow(scope, send)

        async def headers_only(message: Message) -> None:
            if message["type"] == "http.response.start":
                if "route" in inner:
                    scope["route"] = inner["route"]  # the outer layers count requests by route
                await send_start(message)
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        await self._app(inner, receive, headers_only)

    def _with_allow(self, scope: Scope, send: Send) -> Send:
        async def send_with_allow(message: Message) -> None:
            is_start = message["type"] == "http.response.start"
            if is_start and message["status"] == HTTPStatus.METHOD_NOT_ALLOWED:
                MutableHeaders(scope=message)[_ALLOW] = self._allowed(scope["path"])
            await send(message)

        return send_with_allow
