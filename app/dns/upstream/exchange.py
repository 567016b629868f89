"""Questions to upstream servers.

    UpstreamQuery -> [server, UDP, TCP if truncated, without EDNS, next server] -> UpstreamReply

Each question is sent from a new socket, so its port is the kernel's random choice, with
a random id; only a reply from the server's address with this id and question is accepted.
Other datagrams are counted and ignored.  A reply beyond the bounds, or truncated even
over TCP, counts as a failure of its server.

Source: RFC 5452; RFC 6891 sections 6.2.2 and 7; RFC 7766 section 5; spec dns A12.
"""

import asyncio
import logging
import secrets
import socket
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TypeVar

from app.dns.counters import Count
from app.dns.messages.message import UDP_BYTES_ADVERTISED, Rcode
from app.dns.upstream.message import Oversized, parse_reply
from app.dns.upstream.question import FINAL_RCODES, UpstreamQuery, UpstreamReply
from app.dns.upstream.server_list import Server

ATTEMPT_S = 2.0  # for one server to answer once
ROUNDS_MAX = 2  # times each server is asked
PENDING_MAX = 256  # pending questions; each has a socket
RESTED_S = 10.0  # after a failure, until a server is no longer asked last
WARNED_EVERY_S = 10.0  # between two warnings about unusable answers of one server
PLAIN_S = 300.0  # without OPT for a server without EDNS, until OPT is tried again
KNOWN_S = 600.0  # after a server's last OPT record in which it counts as supporting EDNS
_ID_BITS = 16
_NOT_UNDERSTOOD = (Rcode.FORMERR, Rcode.NOTIMP)
_DATAGRAM_BYTES_MAX = 65_535
_PREFIX_BYTES = 2

_log = logging.getLogger(__name__)

R = TypeVar("R")


class Unanswered(Exception):
    """No server answered in time."""


class Overloaded(Exception):
    """The limit of pending questions is reached."""


class EdnsMemory:
    """Remembers which servers do not support EDNS and must be asked without an OPT record.

    A server that refuses OPT, or does not answer it, but answers without is asked without
    OPT for a while.  A server that has recently sent an OPT record supports EDNS: its
    refusal concerns the question, and a missing answer is a lost packet.
    """

    def __init__(self) -> None:
        self._known_until: dict[Server, float] = {}
        self._plain_until: dict[Server, float] = {}
        self._suspects: set[Server] = set()

    def is_asked_plainly(self, server: Server, now: float) -> bool:
        """Whether a question to ``server`` should have no OPT record."""
        return server in self._suspects or now < self._plain_until.get(server, now)

    def is_known(self, server: Server, now: float) -> bool:
        """Whether ``server`` has recently shown that it supports EDNS."""
        return now < self._known_until.get(server, now)

    def shown(self, server: Server, now: float) -> None:
        """Note that ``server`` has sent an OPT record."""
        self._known_until[server] = now + KNOWN_S
        self._plain_until.pop(server, None)
        self._suspects.discard(server)

    def silent(self, server: Server, now: float, *, was_plain: bool) -> None:
        """Note that ``server`` did not answer; if it answers neither kind it is simply down."""
        if was_plain:
            self._suspects.discard(server)
        elif not self.is_known(server, now):
            self._suspects.add(server)

    def needs_plain(self, server: Server, now: float) -> None:
        """Note that ``server`` answered without OPT a question that it did not answer with it."""
        self._suspects.discard(server)
        # A period in force must end at some time: the answers during it do not extend it.
        if not self.is_known(server, now) and now >= self._plain_until.get(server, now):
            self._plain_until[server] = now + PLAIN_S


class Upstream:
    """The upstream servers, asked in order of health."""

    def __init__(
        self,
        servers: Iterable[Server],
        *,
        pending_max: int = PENDING_MAX,
        attempt_s: float = ATTEMPT_S,
    ) -> None:
        self.servers = tuple(servers)
        self.counts: Counter[Count] = Counter()
        self.edns = EdnsMemory()
        self._failed_at: dict[Server, float] = {}
        self._warned_at: dict[Server, float] = {}
        self._pending_max = pending_max
        self._attempt_s = attempt_s
        self._pending = 0

    async def ask(self, query: UpstreamQuery) -> UpstreamReply:
        """Return the first usable answer of the servers.

        Raises Unanswered when there is none, Overloaded when too many questions are pending.
        """
        if self._pending >= self._pending_max:
            self.counts[Count.UPSTREAM_REJECTED] += 1
            raise Overloaded
        self._pending += 1
        try:
            return await self._ask_in_turn(query)
        finally:
            self._pending -= 1

    async def _ask_in_turn(self, query: UpstreamQuery) -> UpstreamReply:
        last: UpstreamReply | None = None
        silent: set[Server] = set()
        for server in self._in_order() * ROUNDS_MAX:
            is_plain = self.edns.is_asked_plainly(server, _now())
            if server in silent and not is_plain:
                # Signatures need EDNS: retry with OPT if the server is known to support it.
                is_plain = not (query.is_dnssec_ok and self.edns.is_known(server, _now()))
            try:
                reply = await self._ask_one(server, query, is_plain=is_plain)
            except (TimeoutError, EOFError):
                self.edns.silent(server, _now(), was_plain=is_plain)
                silent.add(server)
                reply = None
            self._note_health(server, reply)
            if reply is not None and reply.rcode in FINAL_RCODES and not reply.is_referral:
                return reply
            last = reply or last
        if last is None:
            raise Unanswered
        return last

    def _in_order(self) -> tuple[Server, ...]:
        now = _now()

        def fails(server: Server) -> bool:
            return now - self._failed_at.get(server, -RESTED_S) < RESTED_S

        return tuple(sorted(self.servers, key=fails))

    def _note_health(self, server: Server, reply: UpstreamReply | None) -> None:
        if reply is None or reply.rcode == Rcode.SERVFAIL:
            self.counts[Count.UPSTREAM_FAILURES] += 1
            self._failed_at[server] = _now()
        else:
            self._failed_at.pop(server, None)

    async def _ask_one(
        self, server: Server, query: UpstreamQuery, *, is_plain: bool
    ) -> UpstreamReply | None:
        """Ask a server, and again without OPT if it may not understand that.

        Raises TimeoutError or EOFError when it does not answer.
        """
        reply = await self._exchange(server, query, is_plain=is_plain)
        if reply is None:
            return None
        if reply.rcode not in _NOT_UNDERSTOOD:
            # In a refusal the OPT record may be a copy of the question's: it proves nothing there.
            if reply.has_opt:
                self.edns.shown(server, _now())
            elif is_plain:
                self.edns.needs_plain(server, _now())
            return reply
        plain = None if is_plain else await self._exchange_plainly(server, query)
        return plain or reply

    async def _exchange_plainly(self, server: Server, query: UpstreamQuery) -> UpstreamReply | None:
        """Ask a server that has refused a question with OPT; None when it refuses again."""
        try:
            reply = await self._exchange(server, query, is_plain=True)
        except (TimeoutError, EOFError):
            return None
        if reply is None or reply.rcode in _NOT_UNDERSTOOD:
            return None
        self.edns.needs_plain(server, _now())
        return reply

    async def _exchange(
        self, server: Server, query: UpstreamQuery, *, is_plain: bool
    ) -> UpstreamReply | None:
        """Ask over UDP, and over TCP if the answer is truncated."""
        udp_bytes = None if is_plain else UDP_BYTES_ADVERTISED
        message = query.encode(secrets.randbits(_ID_BITS), udp_bytes)
        self.counts[Count.UPSTREAM_REQUESTS] += 1
        try:
            async with asyncio.timeout(self._attempt_s):
                reply = await exchange_udp(server, message, self._read)
                if reply.is_truncated:
                    return self._whole(server, await _exchange_tcp(server, message))
                return reply
        except TimeoutError:
            raise
        except Oversized as error:
            self._warn(server, str(error))
        except OSError:
            pass
        return None

    def _whole(self, server: Server, reply: UpstreamReply | None) -> UpstreamReply | None:
        """Reject a reply that is truncated even over TCP.

        RFC 2181 section 9: truncated data must not be used, and there is no larger transport.
        """
        if reply is None or not reply.is_truncated:
            return reply
        self._warn(server, "it is truncated even over TCP")
        return None

    def _warn(self, server: Server, problem: str) -> None:
        now = _now()
        if now - self._warned_at.get(server, -WARNED_EVERY_S) >= WARNED_EVERY_S:
            self._warned_at[server] = now
            _log.warning("ignoring an answer of %s: %s", server, problem)

    def _read(self, octets: bytes, message: bytes) -> UpstreamReply | None:
        reply = parse_reply(octets, message)
        self.counts[Count.UPSTREAM_MISMATCHES] += reply is None
        return reply


async def exchange_udp(
    server: Server, message: bytes, read: Callable[[bytes, bytes], R | None]
) -> R:
    """Send a message and wait, without a timeout, for a reply that ``read`` accepts."""
    loop = asyncio.get_running_loop()
    with socket.socket(server.family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as line:
        line.connect(server.socket_address)
        await loop.sock_sendall(line, message)
        while True:
            reply = read(await loop.sock_recv(line, _DATAGRAM_BYTES_MAX), message)
            if reply is not None:
                return reply


async def _exchange_tcp(server: Server, message: bytes) -> UpstreamReply | None:
    reader, writer = await asyncio.open_connection(str(server.address), server.port)
    try:
        writer.write(len(message).to_bytes(_PREFIX_BYTES) + message)
        size = int.from_bytes(await reader.readexactly(_PREFIX_BYTES))
        return parse_reply(await reader.readexactly(size), message)
    finally:
        writer.close()


def _now() -> float:
    return asyncio.get_running_loop().time()
