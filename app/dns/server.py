"""The DNS server: sockets, an event loop, and the protocol between them.

    view -> answers, renewed by every commit
    sockets -> Protocol -> sockets
                   |-> Forwarder -> upstream servers
                   '-> Transfers -> secondaries

Reads the view and nothing else of the registry; settings come as plain values.
Source: style.md 2; spec dns A10 and A13.
"""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Protocol as Port

from app.dns.cache import Cache
from app.dns.forwarder import Forwarder
from app.dns.messages import Transport
from app.dns.protocol import Forward, Outcome, Protocol, ProtocolConfig, Transfer
from app.dns.tcp import Connections
from app.dns.udp import Datagrams, Peer, bind_udp
from app.dns.upstream import Server, Upstream, servers_of
from app.domain.addresses import Address, parse_address
from app.domain.changes import Change
from app.domain.snapshot import Snapshot

TCP_BACKLOG = 1024  # connections the kernel holds until they are accepted
WAITING_MAX = 1024  # datagrams that wait for somebody else's answer

Subscriber = Callable[[Snapshot, Snapshot, tuple[Change, ...]], None]

_log = logging.getLogger(__name__)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """What goes beyond answering from the zone; all of it is off unless set.

    ``upstreams`` are addresses of servers for other names, or paths of
    resolv.conf files that name them.
    """

    upstreams: tuple[str, ...] = ()


class DNSServer:
    """Serves one view over UDP and TCP from the running event loop."""

    def __init__(
        self, view: View, config: ProtocolConfig, options: ServerOptions | None = None
    ) -> None:
        self._options = options or ServerOptions()
        has_upstreams = bool(self._options.upstreams)
        self.protocol = Protocol(view, replace(config, has_upstreams=has_upstreams))
        self.connections = Connections(self._respond_tcp)
        self.forwarder = Forwarder(self.protocol, Upstream(()), Cache())
        self.port = 0
        self.failures = 0
        """Messages that could not be answered because of an error of ours."""
        self._view = view
        self._tasks: set[asyncio.Task[None]] = set()
        self._unsubscribe: Callable[[], None] | None = None
        self._datagrams: Datagrams | None = None
        self._udp: socket.socket | None = None
        self._tcp: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> None:
        """Bind both transports to one port, 0 choosing any, and serve until ``close``."""
        self._unsubscribe = self._view.subscribe(self._renew)
        self._udp = bind_udp(host, port)
        self.port = int(self._udp.getsockname()[1])
        self._find_upstreams(host)
        known = self.protocol.answers.by_wire
        self._datagrams = Datagrams(self._udp, known, self._respond_udp)
        loop = asyncio.get_running_loop()
        loop.add_reader(self._udp.fileno(), self._datagrams.drain)
        self._tcp = await loop.create_server(
            self.connections.accept, host, self.port, backlog=TCP_BACKLOG
        )
        if self.forwarder.upstream.servers:
            self._begin(self.forwarder.probe())
        _log.info("serving DNS on %s port %d", host, self.port)

    async def close(self) -> None:
        """Stop serving; questions in flight go unanswered."""
        if self._unsubscribe is not None:
            self._unsubscribe()
        if self._udp is not None:
            asyncio.get_running_loop().remove_reader(self._udp.fileno())
            self._udp.close()
        self.connections.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.forwarder.close()
        if self._tcp is not None:
            self._tcp.close()
            await self._tcp.wait_closed()
            await asyncio.sleep(0)  # the connections that were ended are told so now

    def _find_upstreams(self, host: str) -> None:
        ours = parse_address(host)
        found = servers_of(self._options.upstreams)
        own = {Server(ours, self.port)} if ours is not None else set[Server]()
        if own & set(found):
            _log.warning("%s is this server itself and is not asked", ", ".join(map(str, own)))
        self.forwarder.upstream = Upstream(server for server in found if server not in own)

    def _renew(self, _before: Snapshot, after: Snapshot, changes: tuple[Change, ...]) -> None:
        self.protocol.answers.renew(after, changes)

    def _respond_udp(self, message: bytes, peer: Peer) -> bytes | None:
        outcome = self._respond(message, Transport.UDP, peer.address)
        match outcome:
            case Forward() if len(self._tasks) < WAITING_MAX:
                self._begin(self._forward_udp(outcome, peer))
                return None
            case Forward() | Transfer():
                return self.protocol.failure(message)
            case _:
                return outcome

    def _respond_tcp(self, message: bytes, client: Address) -> bytes | AsyncIterator[bytes] | None:
        outcome = self._respond(message, Transport.TCP, client)
        match outcome:
            case Forward():
                return self._forward_tcp(outcome)
            case Transfer():
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

    async def _forward_udp(self, forward: Forward, peer: Peer) -> None:
        assert self._datagrams is not None, "datagrams come from there"
        self._datagrams.send(await self.forwarder.answer(forward), peer)

    async def _forward_tcp(self, forward: Forward) -> AsyncIterator[bytes]:
        yield await self.forwarder.answer(forward)

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failures += 1
            _log.error("a question could not be forwarded", exc_info=error)
