"""glibc's queries to its nameservers: one server after another, A and AAAA in parallel.

    candidate + types -> flights to server after server -> Sent

Both queries are sent on one socket.  When only one is answered, they are repeated one
by one, then on a new socket, and the thread keeps that mode.
Source: spec resolver 2.4; glibc's res_send.c.
"""

from collections.abc import Generator
from dataclasses import dataclass, field, replace

from app.domain.discovery.resolvers.lookup import (
    SERVER_ERRORS,
    Asking,
    Candidate,
    Flight,
    Query,
    Rcode,
    Replies,
    Reply,
    Trail,
    Transport,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The usable replies in order of arrival; none when every server failed.

    ``first_rcode`` is the code in the buffer of the first reply, which the search reads even
    after a failure; ``is_refused`` means that every port was closed.
    """

    replies: Replies = ()
    first_rcode: Rcode = Rcode.NOERROR
    is_refused: bool = False
    failure: Rcode | None = None


_Half = Generator[Flight, Replies, tuple[Replies, bool]]
"""Ends with the usable replies, and whether one of two is missing."""


@dataclass(slots=True)
class _Exchange:
    """The state of one query across servers and attempts."""

    first_rcode: Rcode = Rcode.NOERROR
    failure: Rcode | None = None
    got_somewhere: bool = False
    is_truncated: bool = False


@dataclass(slots=True)
class Sender:
    """The state of one thread's resolver."""

    trail: Trail
    _reopens: bool = field(init=False)
    _asks_singly: bool = field(init=False)
    _sent: int = 0

    def __post_init__(self) -> None:
        self._reopens = "single-request-reopen" in self.trail.config.flags
        self._asks_singly = self._reopens or "single-request" in self.trail.config.flags

    def send(
        self, candidate: Candidate, qtypes: tuple[str, ...]
    ) -> Generator[Flight, Replies, Sent]:
        """Ask for one name until a server gives a usable reply or all attempts are spent."""
        exchange = _Exchange()
        config = self.trail.config
        over_tcp = "use-vc" in config.flags
        servers = self._servers()
        for attempt in range(config.attempts):
            for index in servers:
                if (attempt, index) != (0, servers[0]):
                    self.trail.retry("no usable reply: the next server or attempt")
                queries = tuple(
                    self.trail.query(candidate, qtype, index, attempt=attempt) for qtype in qtypes
                )
                replies: Replies = ()
                if not over_tcp:
                    replies = yield from self._over_udp(exchange, queries)
                    over_tcp = exchange.is_truncated
                if over_tcp:
                    replies = yield from self._over_tcp(exchange, queries)
                if replies:
                    return Sent(replies=replies, first_rcode=exchange.first_rcode)
            if over_tcp:
                break  # a stream gets one attempt per server
        return Sent(
            first_rcode=exchange.first_rcode,
            is_refused=not exchange.got_somewhere,
            failure=exchange.failure or Rcode.CLOSED,
        )

    def _servers(self) -> tuple[int, ...]:
        count = len(self.trail.config.nameservers)
        # glibc starts at a random server; here it is always the first.
        start = self._sent % count if "rotate" in self.trail.config.flags else 0
        self._sent += 1
        return tuple((start + offset) % count for offset in range(count))

    def _over_udp(self, exchange: _Exchange, queries: tuple[Query, ...]) -> Asking:
        while True:
            if len(queries) > 1 and self._asks_singly:
                replies, is_half = yield from self._one_by_one(exchange, queries)
            else:
                replies, is_half = yield from self._together(exchange, queries)
            if not is_half:
                return replies
            if not self._asks_singly:
                self._asks_singly = True
            elif not self._reopens:
                self._reopens = True
            else:
                return replies
            self.trail.retry("one of two replies is missing: asked again one by one")

    def _together(self, exchange: _Exchange, queries: tuple[Query, ...]) -> _Half:
        replies = yield from self.trail.ask(queries)
        kept: list[Reply] = []
        arrived = 0
        for reply in (reply for reply in replies if reply.rcode is not Rcode.TIMEOUT):
            if not _is_readable(exchange, reply, is_first=arrived == 0):
                return (), False
            arrived += 1
            if not _is_server_error(reply):
                kept.append(reply)
            elif arrived == len(queries):
                return tuple(kept), False
        if arrived == len(queries):
            return tuple(kept), False
        exchange.got_somewhere = True
        exchange.failure = Rcode.TIMEOUT
        return tuple(kept), bool(kept)

    def _one_by_one(self, exchange: _Exchange, queries: tuple[Query, ...]) -> _Half:
        kept: list[Reply] = []
        for query in queries:
            (reply,) = yield from self.trail.ask((query,))
            if reply.rcode is Rcode.TIMEOUT:
                exchange.got_somewhere = True
                exchange.failure = Rcode.TIMEOUT
                return tuple(kept), bool(kept)
            if not _is_readable(exchange, reply, is_first=not kept):
                return (), False
            if _is_server_error(reply):
                return tuple(kept), False
            kept.append(reply)
        return tuple(kept), False

    def _over_tcp(self, exchange: _Exchange, queries: tuple[Query, ...]) -> Asking:
        # glibc ignores response codes over TCP: any reply is the answer.
        replies = yield from self.trail.ask(
            replace(query, transport=Transport.TCP) for query in queries
        )
        for reply in replies:
            if reply.rcode.is_no_reply:
                exchange.failure = reply.rcode
                exchange.got_somewhere |= reply.rcode is Rcode.TIMEOUT
                return ()
        exchange.first_rcode = replies[0].rcode
        return replies


def _is_readable(exchange: _Exchange, reply: Reply, *, is_first: bool) -> bool:
    """Record a reply; return False when the socket failed or TCP is needed."""
    exchange.failure = reply.rcode
    if reply.rcode is Rcode.CLOSED:
        return False
    exchange.got_somewhere = True
    if is_first:
        exchange.first_rcode = reply.rcode
    exchange.is_truncated = reply.is_truncated
    return not reply.is_truncated


def _is_server_error(reply: Reply) -> bool:
    return reply.rcode in SERVER_ERRORS or reply.is_lame
