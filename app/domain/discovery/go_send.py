"""How Go asks its nameservers: one after the other, every type on its own.

    candidate + types -> flights, attempt by attempt, server by server -> one reply per type

NXDOMAIN and an empty answer are final; everything else goes to the next server.
Source: spec resolver 4; Go's net/dnsclient_unix.go.
"""

from collections.abc import Generator
from dataclasses import dataclass, replace

from app.domain.discovery.lookup import (
    Candidate,
    Flight,
    Rcode,
    Replies,
    Reply,
    Trail,
    Transport,
    query_of,
)
from app.domain.discovery.resolver_config import ResolverConfig


@dataclass(slots=True)
class Sender:
    """Asks for one name after the other."""

    config: ResolverConfig
    trail: Trail

    def send(
        self, candidate: Candidate, qtypes: tuple[str, ...]
    ) -> Generator[Flight, Replies, Replies]:
        """Give one reply per type: the first that is final, else the last one."""
        kept: dict[str, Reply] = {}
        count = len(self.config.nameservers)
        for turn in range(count * self.config.attempts):
            waiting = [qtype for qtype in qtypes if not _is_final(kept.get(qtype))]
            if not waiting:
                break
            if turn:
                self.trail.retry("no usable reply: the next server or attempt")
            attempt, index = divmod(turn, count)
            queries = [
                query_of(candidate, qtype, self.config, index, attempt=attempt) for qtype in waiting
            ]
            replies = yield from self.trail.ask(queries)
            truncated = [
                replace(query, transport=Transport.TCP)
                for query, reply in zip(queries, replies, strict=True)
                if reply.is_truncated
            ]
            kept.update(zip(waiting, replies, strict=True))
            replies = yield from self.trail.ask(truncated)
            kept.update(
                (query.qtype, reply) for query, reply in zip(truncated, replies, strict=True)
            )
        return tuple(kept[qtype] for qtype in qtypes)


def _is_final(reply: Reply | None) -> bool:
    if reply is None or reply.is_lame:
        return False
    return reply.rcode in (Rcode.NOERROR, Rcode.NXDOMAIN)
