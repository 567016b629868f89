"""The listener of TLS: how long a handshake may take, and how many are in progress.

    socket -> accepted -> handshake -> Connection
    accepted -> too late, or the oldest of too many -> closed

The limits of connections begin with the first octet of a request, which follows the handshake.  A
client that connects and sends nothing is bounded here.  When too many do, the oldest one makes
room: a client with a purpose needs two round trips, and is seldom the oldest.

Source: RFC 8446 section 2; access.md 1.11.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from typing import Final

from app.telemetry.bounds import Bound, in_use, refusals

HANDSHAKE_S_MAX: Final = 10.0  # seconds for a handshake; asyncio would allow 60
HANDSHAKES_MAX: Final = 1_000  # in progress, besides the connections
CLOSE_S_MAX: Final = 5.0  # seconds for a client to confirm the end of a connection
ACCEPT_PAUSE_S: Final = 1.0  # seconds without accepting after the system had no room for it
_log = logging.getLogger(__name__)


class Handshakes:
    """Accepts connections of one socket, each of which begins with a handshake."""

    def __init__(
        self,
        listener: socket.socket,
        connection: Callable[[], asyncio.Protocol],
        *,
        context: ssl.SSLContext,
        s_max: float = HANDSHAKE_S_MAX,
        at_once_max: int = HANDSHAKES_MAX,
    ) -> None:
        """Begin to accept; ``connection`` makes what follows a handshake."""
        self._context, self._make_connection = context, connection
        self._s_max, self._at_once_max = s_max, at_once_max
        self._current: dict[asyncio.Task[None], None] = {}
        self._loop = asyncio.get_running_loop()
        listener.settimeout(0)
        self._accepting = asyncio.create_task(self._accept(listener))

    def __len__(self) -> int:
        """Count those in progress."""
        return len(self._current)

    async def stop(self) -> None:
        """Accept no more, and end all handshakes: the process is ending."""
        tasks = (self._accepting, *self._current)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    async def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                accepted, _ = await self._loop.sock_accept(listener)
            except OSError as error:
                _log.warning("connections are not accepted for a moment: %s", error)
                await asyncio.sleep(ACCEPT_PAUSE_S)
                continue
            if len(self._current) >= self._at_once_max:
                oldest = next(iter(self._current))
                oldest.cancel()
                refusals[Bound.HANDSHAKES] += 1
                del self._current[oldest]
            task = asyncio.create_task(self._shake(accepted))
            self._current[task] = None
            in_use[Bound.HANDSHAKES] += 1
            task.add_done_callback(self._end)

    def _end(self, done: asyncio.Task[None]) -> None:
        self._current.pop(done, None)
        in_use[Bound.HANDSHAKES] -= 1

    async def _shake(self, accepted: socket.socket) -> None:
        """Complete a handshake; where it fails, or is cancelled, the loop closes the socket."""
        try:
            await self._loop.connect_accepted_socket(
                self._make_connection,
                accepted,
                ssl=self._context,
                ssl_handshake_timeout=self._s_max,
                ssl_shutdown_timeout=CLOSE_S_MAX,
            )
        except OSError as error:  # another authority or version, too late, or no TLS at all
            refusals[Bound.HANDSHAKE_TIME] += isinstance(error, ConnectionAbortedError)
            _log.debug("a handshake has failed: %r", error)
