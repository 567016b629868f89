"""The DNS server: connects the sockets, the view, the protocol and the upstreams.

    view -> answers, updated by every commit
    sockets -> Protocol -> sockets
                   |-> Forwarder -> upstream servers
                   '-> Transfers -> secondaries

Reads the view and nothing else of the registry; settings come as plain values.
Source: style.md 2; spec dns A10 and A13.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, replace
from ipaddress import ip_address
from time import perf_counter, time

from app.dns.answering.answers import prepare
from app.dns.answering.protocol import Forward, Outcome, Protocol, ProtocolConfig, Transfer, Walk
from app.dns.answering.rate_limit import RateLimit, is_near
from app.dns.counters import Count, Stats
from app.dns.messages.message import Rcode, Transport
from app.dns.programming_latency import ProgrammingLatency
from app.dns.serving.secondaries import TRANSFERS_MAX, Notifier, transfer_messages
from app.dns.serving.sockets import TCP_BACKLOG, Bound, bind, drops_of
from app.dns.serving.tcp import LIMITS, Connections, Limits
from app.dns.serving.udp import Datagrams, Peer
from app.dns.upstream.cache import BYTES_MAX, Cache
from app.dns.upstream.exchange import Upstream
from app.dns.upstream.forwarder import Forwarder
from app.dns.upstream.server_list import Server
from app.domain.addresses import Address
from app.domain.discovery.zone import authority
from app.domain.discovery.zone.records import Record
from app.registry.reads.view import Advance, View

WAITING_MAX = 1024  # datagrams that wait for an upstream's answer

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """Features beyond answering from the zone; all are off unless set.

    ``upstreams`` are the servers for names out of the zone, ``notify`` the secondaries that get
    NOTIFY.  ``rate_limit_per_s`` is the number of answers of one kind to one network over UDP
    per second; 0 is no limit.  ``cache_bytes_max`` is the memory for upstream replies,
    ``waiting_max`` the number of datagrams that wait for them; ``tcp`` bounds connections.
    """

    upstreams: tuple[Server, ...] = ()
    notify: tuple[Server, ...] = ()
    rate_limit_per_s: int = 0
    cache_bytes_max: int = BYTES_MAX
    waiting_max: int = WAITING_MAX
    tcp: Limits = LIMITS


def forwarder_of(view: View, config: ProtocolConfig, options: ServerOptions) -> Forwarder:
    """Connect a protocol, its cache and its upstream servers."""
    protocol = Protocol(view, replace(config, has_upstreams=bool(options.upstreams)))
    cache = Cache(bytes_max=options.cache_bytes_max)
    return Forwarder(protocol, Upstream(options.upstreams), cache)


class DNSServer:
    """Serves one view over UDP and TCP from the running event loop."""

    def __init__(
        self, view: View, config: ProtocolConfig, options: ServerOptions | None = None
    ) -> None:
        self._options = options or ServerOptions()
        self.forwarder = forwarder_of(view, config, self._options)
        self.protocol = self.forwarder.protocol
        self.connections = Connections(self._respond_tcp, self._options.tcp)
        self.host, self.port = "", 0
        self.failures = 0
        """Messages that could not be answered because of an internal error."""
        self.programming = ProgrammingLatency()
        """Time from changes of endpoints until answers show them."""
        self._view = view
        per_s = self._options.rate_limit_per_s
        accounts, over_tcp = self.protocol.answers.accounts, self.protocol.over_tcp
        self._limit = RateLimit(per_s, accounts, over_tcp, near=config.near) if per_s else None
        # Zones with fallthrough are incomplete, so they have no secondaries to notify.
        self._zones = [zone for zone in config.zone.zones if zone not in config.zone.fallthrough]
        self._notifier: Notifier | None = None
        self._transfers = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._unsubscribe: Callable[[], None] | None = None
        self._datagrams: Datagrams | None = None
        self._bound: Bound | None = None
        self._tcp: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> None:
        """Bind both transports to one port (0: any free one) and serve until ``close``."""
        await self.serve_on(bind(host, port))

    async def serve_on(self, bound: Bound) -> None:
        """Serve on bound sockets until ``close``, which closes them."""
        self._bound = bound
        self.host, self.port = bound.host, bound.port
        self._unsubscribe = self._view.subscribe(self._renew)
        address = ip_address(bound.host)
        self.protocol.serve_at(address)
        if is_near(address, self.protocol.config.near):
            self._limit = None  # all clients of this address are near
        known, durations = self.protocol.answers.by_wire, self.protocol.counters.durations
        self._datagrams = Datagrams(bound.udp, known, self._respond_udp, durations, self._limit)
        loop = asyncio.get_running_loop()
        loop.add_reader(bound.udp.fileno(), self._datagrams.drain)
        self._tcp = await loop.create_server(
            self.connections.accept, sock=bound.tcp, backlog=TCP_BACKLOG
        )
        self._begin(prepare(self._view, self.protocol.answers, self.protocol.config.zone))
        if self.forwarder.upstream.servers:
            self._begin(self.forwarder.probe())
        if self._options.notify:
            self._notifier = Notifier(self._options.notify, self._soas)
            self._begin(self._notifier.run())
        _log.info("serving DNS on %s port %d", self.host, self.port)

    async def close(self) -> None:
        """Stop serving; questions in flight go unanswered."""
        if self._unsubscribe is not None:
            self._unsubscribe()
        if self._bound is not None:
            asyncio.get_running_loop().remove_reader(self._bound.udp.fileno())
            self._bound.udp.close()
        self.connections.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.forwarder.close()
        if self._tcp is not None:
            self._tcp.close()
            await self._tcp.wait_closed()
            await asyncio.sleep(0)  # lets the loop call connection_lost of the aborted connections

    def _renew(self, advance: Advance) -> None:
        self.protocol.answers.renew(advance.after, advance.changes)
        self.programming.observe(advance.after, advance.changes, time())
        if self._notifier is not None:
            self._notifier.changed()

    def _soas(self) -> list[Record]:
        revision, config = self._view.snapshot.revision, self.protocol.config.zone
        return [authority.soa(revision, zone, config) for zone in self._zones]

    def stats(self) -> Stats:
        """Return the counters of now."""
        cache = self.forwarder.cache
        positive, negative = cache.sizes
        counts = cache.counts + self.forwarder.upstream.counts
        counts[Count.CACHE_POSITIVE] = positive
        counts[Count.CACHE_NEGATIVE] = negative
        counts[Count.CACHE_BYTES] = cache.size_bytes
        counts[Count.AUTOPATH_FOUND] = self.protocol.autopath_found
        counts[Count.FAILURES] = self.failures
        counts[Count.MALFORMED] = self.protocol.malformed
        counts[Count.DROPPED] = 0 if self._bound is None else drops_of(self._bound.udp)
        counts[Count.UNSENT] = 0 if self._datagrams is None else self._datagrams.unsent
        counts[Count.LIMITED] = 0 if self._limit is None else self._limit.refused
        counts[Count.SHED] = self.connections.shed
        counts[Count.CONNECTIONS] = len(self.connections)
        counts[Count.COMPILED] = len(self.protocol.answers.by_wire)
        counters = self.protocol.counters
        replies = Counter({kind: counter[0] for kind, counter in counters.by_kind.items()})
        return Stats(replies, counts, counters.durations, self.programming.durations)

    def _respond_udp(self, message: bytes, peer: Peer) -> bytes | None:
        outcome = self._respond(message, Transport.UDP, peer.address)
        may_wait = len(self._tasks) < self._options.waiting_max
        if isinstance(outcome, Forward | Walk) and may_wait:
            self._begin(self._answer_later(outcome, message, peer))
            return None
        assert not isinstance(outcome, Transfer), "transfers are over TCP"
        reply = self._immediate(outcome, message)
        return None if reply is None else self._limited(reply, message, peer.address)

    def _immediate(self, outcome: bytes | Forward | Walk | None, message: bytes) -> bytes | None:
        """Reply without the upstreams, as too many questions wait for them."""
        match outcome:
            case Forward():
                return self.protocol.without_target(outcome, Rcode.SERVFAIL)
            case Walk():
                return self.protocol.failure(message)
            case _:
                return outcome

    def _limited(self, reply: bytes, message: bytes, client: Address) -> bytes | None:
        if self._limit is None:
            return reply
        return self._limit.limited(reply, message, client, perf_counter())

    def _respond_tcp(self, message: bytes, client: Address) -> bytes | AsyncIterator[bytes] | None:
        started = perf_counter()
        outcome = self._respond(message, Transport.TCP, client)
        self.protocol.counters.durations.add(perf_counter() - started, 1)
        if isinstance(outcome, Transfer):
            return self._transfer(outcome)
        if isinstance(outcome, Forward | Walk) and self.connections.may_wait:
            return self._answer_in_time(outcome)
        return self._immediate(outcome, message)

    def _respond(self, message: bytes, transport: Transport, client: Address) -> Outcome:
        try:
            return self.protocol.respond(message, transport, client)
        except Exception:  # noqa: BLE001  one of the four points of supervision (style.md 4)
            self.failures += 1
            _log.exception("internal error while answering a message from %s", client)
            return self.protocol.failure(message)

    async def _answer_later(self, outcome: Forward | Walk, message: bytes, peer: Peer) -> None:
        assert self._datagrams is not None, "set before the first datagram is read"
        async for reply in self._answer_in_time(outcome):
            sent = self._limited(reply, message, peer.address)
            if sent is not None:
                self._datagrams.send(sent, peer)

    async def _answer_in_time(self, outcome: Forward | Walk) -> AsyncIterator[bytes]:
        yield await self.forwarder.settle(outcome)

    async def _transfer(self, transfer: Transfer) -> AsyncIterator[bytes]:
        if self._transfers >= TRANSFERS_MAX:
            yield self.protocol.reply(transfer.request, Rcode.SERVFAIL)
            return
        self._transfers += 1
        try:
            history, config = self._view.history, self.protocol.config.zone
            for message in transfer_messages(transfer, self._view.snapshot, history, config):
                yield message
                await asyncio.sleep(0)  # yield to the event loop between two messages
        finally:
            self._transfers -= 1

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failures += 1
            _log.error("a background task of the DNS server has failed", exc_info=error)
