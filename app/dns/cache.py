"""What other servers said, for as long as they allow, and a while longer for bad times.

    key, now -> Hit | None

Bounded; what was used longest ago goes first.  Denials have a store of their
own, so that names made up at random push out only each other.  Aliases without
what they lead to are no answer: with an SOA they are a denial, without one nothing.
The clock is the caller's.  Source: RFC 2308, RFC 8767; spec dns A12.
"""

from dataclasses import dataclass, replace

from app.dns.foreign import FINAL_RCODES, ForeignQuery, ForeignReply
from app.dns.messages import Rcode
from app.dns.wire import RawRecord
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
        """Find what is kept; an answer that has expired only when asked for, or while all fails."""
        key = _key(query)
        answer, denial = self._positive.get(key), self._negative.get(key)
        if answer is not None and now < answer.until:
            return self._hit(self._positive, key, answer, now)
        if denial is not None and now >= denial.until:
            denial = None
        is_failing = denial is not None and denial.reply.rcode not in FINAL_RCODES
        if answer is not None and (even_stale or is_failing) and now < answer.until + STALE_S:
            self.counts.stale += 1
            return Hit(_capped(answer.reply, STALE_TTL_S), is_stale=True)
        return None if denial is None else self._hit(self._negative, key, denial, now)

    def keep(self, query: ForeignQuery, reply: ForeignReply, now: float) -> None:
        """Keep a reply for as long as it allows; a failure never replaces an answer."""
        is_positive = reply.answers(query)
        if reply.is_truncated:
            return
        key = _key(query)
        if is_positive or reply.is_denial:
            self._positive.pop(key, None)
            self._negative.pop(key, None)
        ttl_s = _ttl_s(reply, is_positive=is_positive)
        if ttl_s <= 0:
            return
        store = self._positive if is_positive else self._negative
        if len(store) >= (self._positive_max if is_positive else self._negative_max):
            del store[next(iter(store))]
            self.counts.evictions += 1
        store[key] = _Kept(reply, now, now + ttl_s)

    def _hit(
        self, store: dict[ForeignQuery, _Kept], key: ForeignQuery, kept: _Kept, now: float
    ) -> Hit:
        store[key] = store.pop(key)  # now the last to go
        self._count_hit(is_positive=store is self._positive)
        return Hit(_aged(kept.reply, int(now - kept.since)), is_stale=False)

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
    if reply.rcode in FINAL_RCODES:
        # RFC 2308 section 5: without an SOA nobody has said for how long.
        return min(reply.ttl_s, NEGATIVE_TTL_S_MAX) if reply.has_soa else 0
    return FAILURE_TTL_S if reply.rcode == Rcode.SERVFAIL else 0


def _aged(reply: ForeignReply, age_s: int) -> ForeignReply:
    """Count the time since down; additional records may have less of it, and then go."""

    def older(record: Record | RawRecord) -> Record | RawRecord:
        return replace(record, ttl_s=max(0, record.ttl_s - age_s))

    answers, authority, additional = reply.sections
    lasting = [record for record in additional if record.ttl_s > age_s]
    answers, authority, additional = (
        tuple(map(older, each)) for each in (answers, authority, lasting)
    )
    return replace(reply, sections=(answers, authority, additional))


def _capped(reply: ForeignReply, ttl_s: int) -> ForeignReply:
    def shorter(record: Record | RawRecord) -> Record | RawRecord:
        return replace(record, ttl_s=ttl_s)

    answers, authority, additional = (tuple(map(shorter, each)) for each in reply.sections)
    return replace(reply, sections=(answers, authority, additional))
