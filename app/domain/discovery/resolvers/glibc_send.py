"""glibc's queries to its nameservers: one server after another, A and AAAA in parallel.

    candidate + types -> flights to server after server -> Sent

Both queries are sent on one socket.  When only one is answered, they are repeated one
by one, then on a new socket, and the thread keeps that mode.
Source: spec resolver 2.4; glibc's res_send.c.
"""

from collections.abc import Generator
from dataclasses import dataclass, field, replace

from app.domain.discovery.resolvers.lookup import (
    Candidate,
    Flight,
    Query,
    Rcode,
    Replies,
    Reply,
    Trail,
    Transport,
    query_of,
)
from app.domain.discovery.resolvers.resolver_config import ResolverConfig

_SERVER_ERRORS = (Rcode.SERVFAIL, Rcode.NOTIMP, Rcode.REFUSED)
_NEXT_SERVER = "no usable reply: the next server or attempt"


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


Sending = Generator[Flight, Replies, Sent]


@dataclass(slots=True)
class _Exchange:
    """The state of one query across servers and attempts."""

    candidate: Candidate
    qtypes: tuple[str, ...]
    first_rcode: Rcode = Rcode.NOERROR
    failure: Rcode | None = None
    got_somewhere: bool = False
    is_truncated: bool = False


@dataclass(slots=True)
class Sender:
    """The state of one thread's resolver."""

    config: ResolverConfig
    trail: Trail
    asks_singly: bool = False
    reopens: bool = False
    _sent: int = field(default=0)

    def __post_init__(self) -> None:
        self.reopens = "single-request-reopen" in self.config.flags
        self.asks_singly = self.reopens or "single-request" in self.config.flags

    def send(self, candidate: Candidate, qtypes: tuple[str, ...]) -> Sending:
        """Ask for one name until a server gives a usable reply or all attempts are spent."""
        exchange = _Exchange(candidate, qtypes)
        over_tcp = "use-vc" in self.config.flags
        servers = self._servers()
        for attempt in range(self.config.attempts):
            for index in servers:
                if (attempt, index) != (0, servers[0]):
                    self.trail.retry(_NEXT_SERVER)
                queries = self._queries(exchange, index, attempt)
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
        count = len(self.config.nameservers)
        # glibc starts at a random server; here it is always the first.
        start = self._sent % count if "rotate" in self.config.flags else 0
        self._sent += 1
        return tuple((start + offset) % count for offset in range(count))

    def _queries(self, exchange: _Exchange, index: int, attempt: int) -> tuple[Query, ...]:
        return tuple(
            query_of(exchange.candidate, qtype, self.config, index, attempt=attempt)
            for qtype in exchange.qtypes
        )

    def _over_udp(
        self, exchange: _Exchange, queries: tuple[Query, ...]
    ) -> Generator[Flight, Replies, Replies]:
        while True:
            if len(queries) > 1 and self.asks_singly:
                replies, is_half = yield from self._one_by_one(exchange, queries)
            else:
                replies, is_half = yield from self._together(exchange, queries)
            if not is_half:
                return replies
            if not self.asks_singly:
                self.asks_singly = True
            elif not self.reopens:
                self.reopens = True
            else:
                return replies
            self.trail.retry("one of two replies is missing: asked again one by one")

    def _together(
        self, exchange: _Exchange, queries: tuple[Query, ...]
    ) -> Generator[Flight, Replies, tuple[Replies, bool]]:
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

    def _one_by_one(
        self, exchange: _Exchange, queries: tuple[Query, ...]
    ) -> Generator[Flight, Replies, tuple[Replies, bool]]:
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

    def _over_tcp(
        self, exchange: _Exchange, queries: tuple[Query, ...]
    ) -> Generator[Flight, Replies, Replies]:
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
    return reply.rcode in _SERVER_ERRORS or reply.is_lame
