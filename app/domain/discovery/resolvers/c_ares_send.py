"""c-ares' queries: A and AAAA separately, each with its own tries.

    candidate + types -> flights of all open queries -> Pending per type

A server that answers SERVFAIL, NOTIMP or REFUSED is skipped from then on, unless it is
the only one.  Source: spec resolver 5; c-ares' ares_process.c, 1.18.
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


@dataclass(slots=True)
class Pending:
    """One query: its tries so far, and its reply once it has ended."""

    qtype: str
    position: int
    tries: int = 0
    server: int = 0
    transport: Transport = Transport.UDP
    skipped: set[int] = field(default_factory=set[int])
    broken: set[int] = field(default_factory=set[int])
    timeouts: int = 0
    failure: Rcode | None = None
    reply: Reply | None = None
    is_over: bool = False

    @property
    def ending_key(self) -> tuple[int, int, int]:
        """Sort key for the order in which queries end: by timeouts, then tries, then position."""
        return self.timeouts, self.tries, self.position


@dataclass(slots=True)
class Sender:
    """Asks for one name after another."""

    config: ResolverConfig
    trail: Trail

    def send(
        self, candidate: Candidate, qtypes: tuple[str, ...]
    ) -> Generator[Flight, Replies, list[Pending]]:
        """Ask for every type; return the queries in the order in which they end."""
        pending = [Pending(qtype, position) for position, qtype in enumerate(qtypes)]
        while open_queries := [query for query in pending if not query.is_over]:
            if any(query.tries for query in pending):
                self.trail.retry("no usable reply: asked again")
            replies = yield from self.trail.ask(
                self._packet(candidate, query) for query in open_queries
            )
            for query, reply in zip(open_queries, replies, strict=True):
                self._receive(query, reply)
        return sorted(pending, key=lambda query: query.ending_key)

    def _packet(self, candidate: Candidate, query: Pending) -> Query:
        packet = query_of(candidate, query.qtype, self.config, query.server, attempt=query.tries)
        return replace(packet, transport=query.transport)

    def _receive(self, query: Pending, reply: Reply) -> None:
        if reply.is_truncated and query.transport is Transport.UDP:
            query.transport = Transport.TCP
            return
        if reply.rcode not in _SERVER_ERRORS and not reply.rcode.is_no_reply:
            query.reply = reply
            query.is_over = True
            return
        query.failure = reply.rcode
        if reply.rcode is Rcode.TIMEOUT:
            query.timeouts += 1
        elif len(self.config.nameservers) > 1:
            query.skipped.add(query.server)
        if reply.rcode is Rcode.CLOSED:
            query.broken.add(query.server)
        self._move_on(query)

    def _move_on(self, query: Pending) -> None:
        count = len(self.config.nameservers)
        while query.tries + 1 < count * self.config.attempts:
            query.tries += 1
            query.server = (query.server + 1) % count
            if query.server not in query.skipped | query.broken:
                return
        query.is_over = True
