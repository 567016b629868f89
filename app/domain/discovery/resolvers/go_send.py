"""Go's queries to its nameservers: one server after another, each type independently.

    candidate + types -> flights, attempt by attempt, server by server -> one reply per type

NXDOMAIN and an empty answer are final; everything else goes to the next server.
Source: spec resolver 4; Go's net/dnsclient_unix.go.
"""

from collections.abc import Generator
from dataclasses import dataclass, replace

from app.domain.discovery.resolvers.lookup import (
    Candidate,
    Flight,
    Rcode,
    Replies,
    Reply,
    Trail,
    Transport,
    query_of,
)
from app.domain.discovery.resolvers.resolver_config import ResolverConfig


@dataclass(slots=True)
class Sender:
    """Asks for one name after another."""

    config: ResolverConfig
    trail: Trail
    first_ended: int = 0
    last_ended: int = 0
    """The types of the last name whose replies came first and last, by position."""

    def send(
        self, candidate: Candidate, qtypes: tuple[str, ...]
    ) -> Generator[Flight, Replies, Replies]:
        """Return one reply per type: the first that is final, else the last one."""
        kept: dict[str, Reply] = {}
        spent: dict[str, tuple[int, int]] = {}  # number of timeouts, and the last turn
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
            for qtype, reply in zip(waiting, replies, strict=True):
                waited = spent.get(qtype, (0, 0))[0] + int(reply.rcode is Rcode.TIMEOUT)
                spent[qtype] = (waited, turn)
            replies = yield from self.trail.ask(truncated)
            kept.update(
                (query.qtype, reply) for query, reply in zip(truncated, replies, strict=True)
            )
        # Of two goroutines that take equally long, the one started last usually ends first.
        ending = sorted(
            range(len(qtypes)), key=lambda position: (spent[qtypes[position]], -position)
        )
        self.first_ended, self.last_ended = ending[0], ending[-1]
        return tuple(kept[qtype] for qtype in qtypes)


def is_lame(reply: Reply) -> bool:
    """Whether Go takes a reply for a referral; unlike glibc it ignores additional records."""
    return replace(reply, has_additional=False).is_lame


def _is_final(reply: Reply | None) -> bool:
    if reply is None or is_lame(reply):
        return False
    return reply.rcode in (Rcode.NOERROR, Rcode.NXDOMAIN)
