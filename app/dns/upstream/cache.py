"""What other servers said, for as long as they allow, and a while longer for bad times.

    key, now -> Hit | None

Bounded in number and in memory; what was used longest ago goes first.  Denials
have a store of their own, with half of the memory, so that names made up at
random push out only each other.  What an entry takes is estimated from its records.
Aliases without what they lead to are no answer: with an SOA they are a denial, without
one nothing.
The clock is the caller's.  Source: RFC 2308, RFC 8767; spec dns A12.
"""

from dataclasses import dataclass, replace

from app.dns.messages.message import Rcode
from app.dns.messages.wire import RawRecord
from app.dns.upstream.question import FINAL_RCODES, ForeignQuery, ForeignReply
from app.domain.discovery.zone.records import Record

POSITIVE_MAX = 9_984  # kept answers
NEGATIVE_MAX = 9_984  # kept denials and failures
BYTES_MAX = 32 * 1024 * 1024  # of memory for both
ENTRY_BYTES = 768  # that a kept reply takes besides its question and its records
RECORD_BYTES = 144  # that a record takes besides its data
OWNER_BYTES = 48  # that a name takes besides its octets; equal ones of a reply are one
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
    size_bytes: int


class _Store:
    """Kept replies, the one used longest ago first."""

    def __init__(self, *, kept_max: int, bytes_max: int) -> None:
        self.by_query: dict[ForeignQuery, _Kept] = {}
        self.size_bytes = 0
        self._kept_max, self._bytes_max = kept_max, bytes_max

    def add(self, key: ForeignQuery, kept: _Kept) -> int:
        """Keep a reply instead of those used longest ago; tells how many had to go.

        One that is larger than the whole store is not kept.
        """
        self.remove(key)
        if kept.size_bytes > self._bytes_max or not self._kept_max:
            return 0
        evictions = 0
        room_bytes = self._bytes_max - kept.size_bytes
        while self.size_bytes > room_bytes or len(self.by_query) >= self._kept_max:
            self.remove(next(iter(self.by_query)))
            evictions += 1
        self.by_query[key] = kept
        self.size_bytes += kept.size_bytes
        return evictions

    def remove(self, key: ForeignQuery) -> None:
        """Forget a reply, if it is there."""
        kept = self.by_query.pop(key, None)
        if kept is not None:
            self.size_bytes -= kept.size_bytes

    def touch(self, key: ForeignQuery) -> None:
        """Make a reply the last to go."""
        self.by_query[key] = self.by_query.pop(key)


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
        self,
        *,
        positive_max: int = POSITIVE_MAX,
        negative_max: int = NEGATIVE_MAX,
        bytes_max: int = BYTES_MAX,
    ) -> None:
        self.counts = CacheCounts()
        self._positive = _Store(kept_max=positive_max, bytes_max=bytes_max // 2)
        self._negative = _Store(kept_max=negative_max, bytes_max=bytes_max // 2)

    @property
    def sizes(self) -> tuple[int, int]:
        """How many answers and how many denials are kept."""
        return len(self._positive.by_query), len(self._negative.by_query)

    @property
    def size_bytes(self) -> int:
        """How much memory all of them take, roughly."""
        return self._positive.size_bytes + self._negative.size_bytes

    def find(self, query: ForeignQuery, now: float, *, even_stale: bool = False) -> Hit | None:
        """Find what is kept; an answer that has expired only when asked for, or while all fails."""
        key = _key(query)
        answer, denial = self._positive.by_query.get(key), self._negative.by_query.get(key)
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
            self._positive.remove(key)
            self._negative.remove(key)
        ttl_s = _ttl_s(reply, is_positive=is_positive)
        if ttl_s <= 0:
            return
        store = self._positive if is_positive else self._negative
        kept = _Kept(reply, now, now + ttl_s, memory_bytes(key, reply))
        self.counts.evictions += store.add(key, kept)

    def _hit(self, store: _Store, key: ForeignQuery, kept: _Kept, now: float) -> Hit:
        store.touch(key)
        self._count_hit(is_positive=store is self._positive)
        return Hit(_aged(kept.reply, int(now - kept.since)), is_stale=False)

    def _count_hit(self, *, is_positive: bool) -> None:
        if is_positive:
            self.counts.hits_positive += 1
        else:
            self.counts.hits_negative += 1


def memory_bytes(query: ForeignQuery, reply: ForeignReply) -> int:
    """Estimate how much memory a kept reply takes."""
    records = [record for section in reply.sections for record in section]
    raw = [record for record in records if isinstance(record, RawRecord)]
    owners = {record.owner for record in raw}
    return (
        ENTRY_BYTES
        + len(query.question)
        + RECORD_BYTES * len(records)
        + sum(len(record.data) for record in raw)
        + sum(OWNER_BYTES + len(owner) for owner in owners)
    )


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
