"""The HTTP server: a socket that is taken first, and an end in good order.

    host, port -> listen -> socket -> HTTPServer(application) -> until a signal

Asked to end, it accepts nothing more, lets streams end by themselves and waits
for answers that are being made, all within the grace.  What one connection may do
is in ``app.api.http.connection``.
"""

import socket
from collections.abc import Callable
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp

from app.api.http.connection import CONNECTIONS_MAX, Connection
from app.api.http.delivery import DeferredDelivery

SHUTDOWN_GRACE_S = 8  # seconds that requests have to end; most supervisors kill after ten
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Of every answer, those that refuse a connection included (spec access 5.1)."""

BACKLOG = 1_024  # connections the kernel holds until they are accepted


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """What is to be done once the server listens, and when it is about to stop."""

    started: Callable[[], None] = _nothing
    stopping: Callable[[], None] = _nothing


class HTTPServer(uvicorn.Server):
    """Uvicorn, telling when it listens and when it is about to stop."""

    def __init__(
        self, app: ASGIApp, moments: Moments, *, connections_max: int = CONNECTIONS_MAX
    ) -> None:
        """Serve ``app``; signals end it."""
        connection = type("Bounded", (Connection,), {"connections_max": connections_max})
        config = uvicorn.Config(
            DeferredDelivery(app),
            http=connection,
            ws="none",  # an upgrade would go round everything that guards requests
            headers=list(SECURITY_HEADERS.items()),
            log_config=None,
            access_log=False,
            proxy_headers=False,  # nobody asks where a request came from
            timeout_graceful_shutdown=SHUTDOWN_GRACE_S,
        )
        super().__init__(config)
        self._moments = moments

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so; the first answer has every header, too."""
        self.server_state.default_headers = self.config.encoded_headers
        await super().startup(sockets)
        if self.started:
            self._moments.started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End what would not end by itself, then wait for the rest."""
        self._moments.stopping()
        await super().shutdown(sockets)


def listen(host: str, port: int) -> socket.socket:
    """Take an address before anything is started for it; raises OSError in words."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise OSError(f"the API cannot listen on {host} port {port}: {error.strerror}") from error
