"""Methods common to all resources, and refusals of paths and methods that there are not.

    HEAD    -> the answer of GET without its body
    OPTIONS -> 204, Allow
    else    -> the route, or 405 with every method of the path, or 404

A stream begun for HEAD ends with its headers.  Source: RFC 9110 sections 9.1, 9.3.2,
9.3.7 and 10.2.1.
"""

from collections.abc import Awaitable
from http import HTTPStatus

from fastapi import Request, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.access.routes import Found, Routes, UnknownMethod
from app.api.errors import MethodRefused, form_of, refused
from app.api.http.delivery import send_at_once
from app.domain.errors import DomainError, NotFound
from app.schemas.documents.nearest import nearest

SHOWN_CHARACTERS_MAX = 128  # of a path in a refusal
_HEAD, _GET, _OPTIONS = "HEAD", "GET", "OPTIONS"
_SERVER = "*"  # the target of OPTIONS that asks for the server, not for a path


class Methods:
    """Middleware for the methods that no route declares."""

    def __init__(self, app: ASGIApp, *, routes: Routes) -> None:
        self._app, self._routes = app, routes

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer one request."""
        method = scope.get("method")  # a lifespan has none
        if method is None:
            return self._app(scope, receive, send)
        if method == _HEAD:
            return self._without_body(scope, receive, send)
        if method == _OPTIONS and (allowed := self._allowed(scope["path"])):
            response = Response(status_code=HTTPStatus.NO_CONTENT, headers={"Allow": allowed})
            return response(scope, receive, send)
        return self._route(scope, receive, send)

    def _route(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        found = self._routes.found(scope)
        if isinstance(found, Found):
            return self._app(scope, receive, send)
        method, path = scope["method"], scope["path"]
        refusal = self._no_method(method, path) if isinstance(found, UnknownMethod) else None
        response = refused(refusal or self._no_path(path), form_of(Request(scope)))
        return response(scope, receive, send)

    async def _without_body(self, scope: Scope, receive: Receive, send: Send) -> None:
        inner = send_at_once({**scope, "method": _GET})

        async def headers_only(message: Message) -> None:
            if message["type"] == "http.response.start":
                if "route" in inner:
                    scope["route"] = inner["route"]  # the outer layers count requests by route
                await send(message)
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        await self._route(inner, receive, headers_only)

    def _allowed(self, path: str) -> str:
        """List the methods of a path; nothing when there is no such path."""
        found = {*(self._routes.methods_of(path) if path != _SERVER else self._routes.methods)}
        if not found:
            return ""
        found.add(_OPTIONS)
        if _GET in found:
            found.add(_HEAD)
        return ", ".join(sorted(found))

    def _no_method(self, method: str, path: str) -> DomainError:
        allowed = self._allowed(path)
        words = f'the path "{path[:SHOWN_CHARACTERS_MAX]}" has no {method}: it has {allowed}'
        return MethodRefused(words, allowed=allowed)

    def _no_path(self, path: str) -> DomainError:
        """Name the path that was probably meant: without a final slash, or of a similar name."""
        first = path.partition("/")[2].partition("/")[0]
        similar = (path.rstrip("/"), f"/{nearest(first, self._routes.first_segments)}")
        known = (each for each in similar if each != "/" and self._routes.methods_of(each))
        meant = next(known, "")
        hint = f'did you mean "{meant}"?' if meant else "GET / lists the paths"
        return NotFound(f'there is no path "{path[:SHOWN_CHARACTERS_MAX]}": {hint}')
