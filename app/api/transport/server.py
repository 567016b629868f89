"""The HTTP server: a socket bound before anything else starts, and a graceful shutdown.

    host, port -> listen -> socket -> HTTPServer(application) -> until a signal

On a signal it stops accepting, ends streams, and waits for current answers, within the grace
period.  The limits of one connection are in ``app.api.transport.connection``, those of its
beginning over TLS in ``app.api.transport.handshakes``.
"""

import asyncio
import os
import socket
from collections.abc import Callable
from functools import partial

import uvicorn
from starlette.types import ASGIApp

from app.api.http.delivery import deferred_delivery
from app.api.http.kept_answers import KeptAnswers
from app.api.transport.connection import CONNECTIONS_MAX, HEAD_S_MAX, Connection
from app.api.transport.handshakes import HANDSHAKE_S_MAX, HANDSHAKES_MAX, Handshakes
from app.api.transport.repeating import Repeating
from app.api.transport.tls import HSTS, TLS

SHUTDOWN_GRACE_S = 8  # seconds for current requests; most supervisors kill after ten
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Headers of every answer, also of refused connections (spec access 5.1)."""

BACKLOG = 1_024  # connections that the kernel queues until they are accepted


class HTTPServer(uvicorn.Server):
    """Uvicorn with callbacks for when it listens, and when it is about to stop."""

    def __init__(  # noqa: PLR0913  each is a choice of the composition root
        self,
        app: ASGIApp,
        *,
        started: Callable[[], None],
        stopping: Callable[[], None],
        connections_max: int = CONNECTIONS_MAX,
        head_s_max: float = HEAD_S_MAX,
        tls: TLS | None = None,
        handshake_s_max: float = HANDSHAKE_S_MAX,
        handshakes_max: int = HANDSHAKES_MAX,
        kept: KeptAnswers | None = None,
    ) -> None:
        """Serve ``app``, over TLS if given; signals end it.

        With ``kept`` its answers are kept as far as its layers and routes let them be.
        """
        headers = [*SECURITY_HEADERS.items(), *((HSTS,) if tls is not None else ())]
        limits = {"connections_max": connections_max, "head_s_max": head_s_max}
        connection = type("Bounded", (Connection,), limits)
        if kept is not None:
            connection = type("BoundedRepeating", (Repeating,), {**limits, "kept": kept})
        config = uvicorn.Config(
            deferred_delivery(app),
            http=connection,
            ws="none",  # an upgrade would bypass the middleware that guards requests
            headers=headers,
            log_config=None,
            access_log=False,
            proxy_headers=False,  # client addresses are not used
            timeout_graceful_shutdown=SHUTDOWN_GRACE_S,
        )
        super().__init__(config)
        self._on_started, self._on_stopping = started, stopping
        self._make_connection: Callable[..., asyncio.Protocol] = connection
        self._shaking = tls and partial(
            Handshakes, context=tls.context, s_max=handshake_s_max, at_once_max=handshakes_max
        )
        self.handshakes: list[Handshakes] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, with default headers set before the first answer, and run the callback."""
        self.server_state.default_headers = self.config.encoded_headers
        if self._shaking is None:
            await super().startup(sockets)
        else:
            await super().startup([])  # its own listeners have no bounds for handshakes
            self.handshakes = [self._shaking(each, self._connection) for each in sockets or ()]
        if self.started:
            self._on_started()

    def stop(self) -> None:
        """End as a signal would."""
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Run the callback that ends streams, then wait for current requests."""
        self._on_stopping()
        for each in self.handshakes:
            await each.stop()
        await super().shutdown(sockets)

    def _connection(self) -> asyncio.Protocol:
        return self._make_connection(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )


def shared(listener: socket.socket) -> socket.socket:
    """Replace a socket by one at the same place, whose port other processes may share.

    The first one has proved that nobody else listens there, which a shared one would not.
    """
    host, port = listener.getsockname()[:2]
    listener.close()
    return listen(host, port, shares_port=True)


def listen(host: str, port: int, *, shares_port: bool = False) -> socket.socket:
    """Bind a socket before anything is started; raises OSError with a plain message.

    With ``shares_port`` other sockets of the same user may share the port.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server(
            (host, port), family=family, backlog=BACKLOG, reuse_port=shares_port
        )
    except OSError as error:
        problem = os.strerror(error.errno) if error.errno else str(error)
        raise OSError(f"the API cannot listen on {host} port {port}: {problem}") from error
    # Accepted connections inherit it: a body must not wait 40 ms until its head is acknowledged.
    # uvloop sets it too, asyncio only for sockets that are made with their protocol.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
