"""The DNS server: sockets, an event loop, and the protocol between them.

    view -> answers, renewed by every commit
    sockets -> Protocol -> sockets

Reads the view's snapshot and nothing else of the registry; settings come as
plain values.  Source: style.md 2; spec dns A13.
"""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable
from typing import Protocol as Port

from app.dns.messages import Transport
from app.dns.protocol import Forward, Outcome, Protocol, ProtocolConfig, Transfer
from app.dns.tcp import Connections
from app.dns.udp import Datagrams, Peer, bind_udp
from app.domain.addresses import Address
from app.domain.changes import Change
from app.domain.snapshot import Snapshot

_log = logging.getLogger(__name__)

Subscriber = Callable[[Snapshot, Snapshot, tuple[Change, ...]], None]
TCP_BACKLOG = 1024  # connections the kernel holds until they are accepted


class View(Port):
    """What the server needs of the registry's view."""

    @property
    def snapshot(self) -> Snapshot:
        """The latest state."""
        ...

    @property
    def is_synced(self) -> bool:
        """Whether the state has been loaded once."""
        ...

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call ``subscriber`` after every commit, until the returned call."""
        ...


class DNSServer:
    """Serves one view over UDP and TCP from the running event loop."""

    def __init__(self, view: View, config: ProtocolConfig) -> None:
        self.protocol = Protocol(view, config)
        self.connections = Connections(self._respond_tcp)
        self.port = 0
        self.failures = 0
        """Messages that could not be answered because of an error of ours."""
        self._view = view
        self._unsubscribe: Callable[[], None] | None = None
        self._datagrams: Datagrams | None = None
        self._udp: socket.socket | None = None
        self._tcp: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> None:
        """Bind both transports to one port, 0 choosing any, and serve until ``close``."""
        self._unsubscribe = self._view.subscribe(self._renew)
        self._udp = bind_udp(host, port)
        self.port = int(self._udp.getsockname()[1])
        known = self.protocol.answers.by_wire
        self._datagrams = Datagrams(self._udp, known, self._respond_udp)
        loop = asyncio.get_running_loop()
        loop.add_reader(self._udp.fileno(), self._datagrams.drain)
        self._tcp = await loop.create_server(
            self.connections.accept, host, self.port, backlog=TCP_BACKLOG
        )
        _log.info("serving DNS on %s port %d", host, self.port)

    async def close(self) -> None:
        """Stop serving; questions in flight go unanswered."""
        if self._unsubscribe is not None:
            self._unsubscribe()
        if self._udp is not None:
            asyncio.get_running_loop().remove_reader(self._udp.fileno())
            self._udp.close()
        self.connections.close()
        if self._tcp is not None:
            self._tcp.close()
            await self._tcp.wait_closed()
            await asyncio.sleep(0)  # the connections that were ended are told so now

    def _renew(self, _before: Snapshot, after: Snapshot, changes: tuple[Change, ...]) -> None:
        self.protocol.answers.renew(after, changes)

    def _respond_udp(self, message: bytes, peer: Peer) -> bytes | None:
        outcome = self._respond(message, Transport.UDP, peer.address)
        match outcome:
            case Forward() | Transfer():
                return None
            case _:
                return outcome

    def _respond_tcp(self, message: bytes, client: Address) -> bytes | AsyncIterator[bytes] | None:
        outcome = self._respond(message, Transport.TCP, client)
        match outcome:
            case Forward() | Transfer():
                return None
            case _:
                return outcome

    def _respond(self, message: bytes, transport: Transport, client: Address) -> Outcome:
        try:
            return self.protocol.respond(message, transport, client)
        except Exception:  # noqa: BLE001  one of the four points of supervision (style.md 4)
            self.failures += 1
            _log.exception("a message from %s could not be answered", client)
            return self.protocol.failure(message)
