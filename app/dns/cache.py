"""What other servers said, for as long as they allow, and a while longer for bad times.

    key, now -> Hit | None

Bounded; what was used longest ago goes first.  Denials have a store of their
own, so that names made up at random push out only each other.  The clock is
the caller's.  Source: RFC 2308, RFC 8767; spec dns A12.
"""

from dataclasses import dataclass, replace

from app.dns.foreign import ForeignQuery, ForeignReply
from app.dns.messages import Rcode
from app.dns.wire import RawRecord, Section, Sections
from app.domain.discovery.records import Record

POSITIVE_MAX = 9_984  # kept answers
NEGATIVE_MAX = 9_984  # kept denials and failures
POSITIVE_TTL_S_MAX = 3_600
NEGATIVE_TTL_S_MAX = 1_800
FAILURE_TTL_S = 5
STALE_S = 3_600  # after its end that an answer may still be used when nobody else answers
STALE_TTL_S = 30  # what a client is told of such an answer, RFC 8767 section 4


@dataclass(frozen=True, slots=True)
class Hit:
    """A kept reply with its TTLs as of now."""

    reply: ForeignReply
    is_stale: bool


@dataclass(frozen=True, slots=True)
class _Kept:
    reply: ForeignReply
    since: float
    until: float


@dataclass
class CacheCounts:
    """What the metrics show of a cache."""

    hits_positive: int = 0
    hits_negative: int = 0
    misses: int = 0
    stale: int = 0
    evictions: int = 0


class Cache:
    """Kept replies by question; the spelling of a name does not matter."""

    def __init__(
        self, *, positive_max: int = POSITIVE_MAX, negative_max: int = NEGATIVE_MAX
    ) -> None:
        self.counts = CacheCounts()
        self._positive: dict[ForeignQuery, _Kept] = {}
        self._negative: dict[ForeignQuery, _Kept] = {}
        self._positive_max, self._negative_max = positive_max, negative_max

    @property
    def sizes(self) -> tuple[int, int]:
        """How many answers and how many denials are kept."""
        return len(self._positive), len(self._negative)

    def find(self, query: ForeignQuery, now: float, *, even_stale: bool = False) -> Hit | None:
        """Find what is kept; what has expired only when asked for."""
        key = _key(query)
        for store in (self._positive, self._negative):
            kept = store.get(key)
            if kept is None:
                continue
            if now < kept.until:
                store[key] = store.pop(key)  # now the last to go
                self._count_hit(is_positive=store is self._positive)
                return Hit(_aged(kept.reply, int(now - kept.since)), is_stale=False)
            if even_stale and store is self._positive and now < kept.until + STALE_S:
                self.counts.stale += 1
                return Hit(_capped(kept.reply, STALE_TTL_S), is_stale=True)
        return None

    def keep(self, query: ForeignQuery, reply: ForeignReply, now: float) -> None:
        """Keep a reply for as long as it allows; a failure never replaces an answer."""
        answers, _, _ = reply.sections
        is_positive = reply.rcode == Rcode.NOERROR and bool(answers)
        ttl_s = _ttl_s(reply, is_positive=is_positive)
        if ttl_s <= 0 or reply.is_truncated:
            return
        key = _key(query)
        self._negative.pop(key, None)
        if is_positive or reply.rcode in (Rcode.NOERROR, Rcode.NXDOMAIN):
            self._positive.pop(key, None)
        store = self._positive if is_positive else self._negative
        if len(store) >= (self._positive_max if is_positive else self._negative_max):
            del store[next(iter(store))]
            self.counts.evictions += 1
        store[key] = _Kept(reply, now, now + ttl_s)

    def _count_hit(self, *, is_positive: bool) -> None:
        if is_positive:
            self.counts.hits_positive += 1
        else:
            self.counts.hits_negative += 1


def _key(query: ForeignQuery) -> ForeignQuery:
    question = query.question
    return replace(query, question=question[:-4].lower() + question[-4:])


def _ttl_s(reply: ForeignReply, *, is_positive: bool) -> int:
    if is_positive:
        return min(reply.ttl_s, POSITIVE_TTL_S_MAX)
    if reply.rcode in (Rcode.NOERROR, Rcode.NXDOMAIN):
        return min(reply.ttl_s, NEGATIVE_TTL_S_MAX)
    return FAILURE_TTL_S if reply.rcode == Rcode.SERVFAIL else 0


def _aged(reply: ForeignReply, age_s: int) -> ForeignReply:
    def older(record: Record | RawRecord) -> Record | RawRecord:
        return replace(record, ttl_s=max(0, record.ttl_s - age_s))

    return _changed(reply, tuple(tuple(map(older, section)) for section in reply.sections))


def _capped(reply: ForeignReply, ttl_s: int) -> ForeignReply:
    def shorter(record: Record | RawRecord) -> Record | RawRecord:
        return replace(record, ttl_s=ttl_s)

    return _changed(reply, tuple(tuple(map(shorter, section)) for section in reply.sections))


def _changed(reply: ForeignReply, sections: tuple[Section, ...]) -> ForeignReply:
    answers, authority, additional = sections
    changed: Sections = (answers, authority, additional)
    return ForeignReply(reply.rcode, reply.is_truncated, changed)
