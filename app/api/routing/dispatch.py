"""The innermost layer: the function of the route that was found is called, and its answer sent.

    scope with the route found -> Call -> answer, or the refusal raised -> send

The framework's own router comes after it and is not asked: it would find the route a second time,
and prepare for uploads and dependencies that clean up after themselves, which no route has.
"""

from collections.abc import Iterable, Mapping

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.access.routes import Found, Routes
from app.api.errors import answer_to
from app.api.routing.call import Call, Function


def calls_of(routes: Iterable[APIRoute]) -> Mapping[Function, Call]:
    """Make the calls of all routes; raises TypeError for one whose signature asks too much."""
    return {route.endpoint: Call(route.dependant) for route in routes}


class Dispatch:
    """Middleware that answers each request by the function of its route."""

    def __init__(self, app: ASGIApp, *, routes: Routes, calls: Mapping[Function, Call]) -> None:
        self._app, self._routes, self._calls = app, routes, calls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; the layer before lets none pass whose route is not found."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        found = self._routes.found(scope)
        assert isinstance(found, Found), "others are refused before"
        route = found.route
        # As the framework sets them; metrics are counted by the route.
        scope["route"], scope["endpoint"] = route, route.endpoint
        scope["path_params"] = found.parameters
        request = Request(scope, receive, send)
        try:
            response = await self._calls[route.endpoint].answer(request)
        except Exception as error:  # noqa: BLE001  what is no refusal is raised again
            response = await answer_to(request, error)
        await response(scope, receive, send)
