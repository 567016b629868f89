"""The HTTP server: a socket that is taken first, and an end in good order.

    host, port -> listen -> socket -> HTTPServer(application) -> until a signal

Asked to end, it accepts nothing more, lets streams end by themselves and waits
for answers that are being made, all within the grace.  A connection over the
bound is told so and closed; one that never asks anything is closed too.
"""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.api.delivery import CUT, Outermost
from app.api.errors import RETRY_AFTER_S
from app.domain.errors import BadRequest, NotSynced
from app.schemas.codec import encode_json
from app.schemas.status import status_of

CONNECTIONS_MAX = 10_000  # connections at once, unless it is told otherwise
FIRST_REQUEST_S_MAX = 20.0  # seconds until a connection must have asked something
SHUTDOWN_GRACE_S = 8  # seconds that requests have to end; most supervisors kill after ten
BACKLOG = 1_024  # connections the kernel holds until they are accepted


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """What is to be done once the server listens, and when it is about to stop."""

    started: Callable[[], None] = _nothing
    stopping: Callable[[], None] = _nothing


class _Connection(HttpToolsProtocol):
    """A connection that counts, and whose first request has a deadline."""

    connections_max = CONNECTIONS_MAX

    def connection_made(self, transport: asyncio.Transport) -> None:
        self._unanswered: list[RequestResponseCycle] = []
        super().connection_made(transport)
        if len(self.connections) > self.connections_max:
            transport.write(_full(self.connections_max))
            transport.close()
            return
        self.loop.call_later(FIRST_REQUEST_S_MAX, self._close_unless_asked)

    def on_message_begin(self) -> None:
        """Let who answers cut the connection off."""
        super().on_message_begin()
        cast("dict[str, object]", self.scope)[CUT] = self.transport.abort

    def on_headers_complete(self) -> None:
        """Remember the request: the server itself knows only the last that came."""
        super().on_headers_complete()
        waiting = [cycle for cycle in self._unanswered if not cycle.response_complete]
        self._unanswered = [*waiting, self.cycle]

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell every answer that is being made that its client has gone."""
        super().connection_lost(exc)
        for cycle in self._unanswered:
            if not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP in the one shape that refusals have."""
        status = status_of(BadRequest(msg), HTTPStatus.BAD_REQUEST)
        self.transport.write(_last_words(HTTPStatus.BAD_REQUEST, encode_json(status)))
        self.transport.close()

    def _close_unless_asked(self) -> None:
        if getattr(self, "cycle", None) is None and not self.transport.is_closing():
            self.transport.close()


class HTTPServer(uvicorn.Server):
    """Uvicorn, telling when it listens and when it is about to stop."""

    def __init__(
        self, app: ASGIApp, moments: Moments, *, connections_max: int = CONNECTIONS_MAX
    ) -> None:
        """Serve ``app``; signals end it."""
        connection = type("Connection", (_Connection,), {"connections_max": connections_max})
        config = uvicorn.Config(
            Outermost(app),
            http=connection,
            log_config=None,
            access_log=False,
            proxy_headers=False,  # nobody asks where a request came from
            timeout_graceful_shutdown=SHUTDOWN_GRACE_S,
        )
        super().__init__(config)
        self._moments = moments

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        if self.started:
            self._moments.started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End what would not end by itself, then wait for the rest."""
        self._moments.stopping()
        await super().shutdown(sockets)


def _full(connections_max: int) -> bytes:
    """Write the answer that a connection over the bound gets without having asked."""
    refusal = NotSynced(f"there are {connections_max} connections already")
    status = status_of(refusal, HTTPStatus.SERVICE_UNAVAILABLE, retry_after_s=RETRY_AFTER_S)
    retry_after = f"retry-after: {RETRY_AFTER_S}"
    return _last_words(HTTPStatus.SERVICE_UNAVAILABLE, encode_json(status), retry_after)


def _last_words(code: HTTPStatus, body: bytes, *headers: str) -> bytes:
    """Write an answer after which the connection is closed, as it goes over the wire."""
    head = (
        f"HTTP/1.1 {code.value} {code.phrase}",
        "content-type: application/json",
        f"content-length: {len(body)}",
        *headers,
        "connection: close",
    )
    return "\r\n".join((*head, "", "")).encode() + body


def listen(host: str, port: int) -> socket.socket:
    """Take an address before anything is started for it; raises OSError in words."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise OSError(f"the API cannot listen on {host} port {port}: {error.strerror}") from error
