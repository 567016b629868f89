"""A span for each request that is not answered from kept answers, if traces are wanted.

traceparent -> span -> the traceparent of what is done for the request
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.access.routes import Routes
from app.api.monitoring.requests import path_of
from app.telemetry.origin import note_request, origin
from app.telemetry.tracing import is_tracing, span


class Traces:
    """Middleware that records requests; without a destination of traces it passes them on."""

    def __init__(self, app: ASGIApp, *, routes: Routes) -> None:
        self._app, self._routes = app, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request within a span."""
        if scope["type"] != "http" or not is_tracing():
            await self._app(scope, receive, send)
            return
        method, path, named = scope["method"], path_of(scope, self._routes), origin()
        with span(f"{method} {path}", parent=named.traceparent) as current:
            current.note(http_request_method=method, http_route=path)
            if named.request_id:
                current.note(waypost_request=named.request_id)
            note_request(named.request_id, current.traceparent)

            async def noted(message: Message) -> None:
                if message["type"] == "http.response.start":
                    current.note(http_response_status=message["status"])
                await send(message)

            await self._app(scope, receive, noted)
