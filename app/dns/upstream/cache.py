"""Cache of upstream replies: for their TTL, and longer while the upstreams fail.

    key, now -> reply with its remaining TTLs | None

Bounded in number and in memory, evicting the least recently used.  Denials have a
store of their own, with half of the memory, so that random names evict only each
other.  The memory of an entry is estimated from its records.  Aliases without their
target are no answer: with an SOA they are a denial, without one they are not cached.
The clock is the caller's.  Source: RFC 2308, RFC 8767; spec dns A12.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from app.dns.counters import Count
from app.dns.messages.message import Rcode
from app.dns.messages.wire import RawRecord, folded_question
from app.dns.upstream.question import FINAL_RCODES, UpstreamQuery, UpstreamReply

KEPT_MAX = 9_984  # cached answers; as many denials and failures
BYTES_MAX = 32 * 1024 * 1024  # of memory for both
ENTRY_BYTES = 768  # memory of a cached reply besides its question and its records
RECORD_BYTES = 144  # memory of a record besides its data
OWNER_BYTES = 48  # memory of a name besides its octets; equal names in a reply share one
POSITIVE_TTL_S_MAX = 3_600
NEGATIVE_TTL_S_MAX = 1_800
FAILURE_TTL_S = 5
STALE_S = 3_600  # after its expiry that an answer may still be used while the upstreams fail
STALE_TTL_S = 30  # the TTL of such an answer, RFC 8767 section 4


@dataclass(frozen=True, slots=True)
class _Kept:
    reply: UpstreamReply
    since: float
    until: float
    size_bytes: int


class _Store:
    """Cached replies, the least recently used first."""

    def __init__(self, bytes_max: int, kept_max: int) -> None:
        self.by_query: dict[UpstreamQuery, _Kept] = {}
        self.size_bytes = 0
        self._bytes_max = bytes_max
        self._kept_max = kept_max

    def add(self, key: UpstreamQuery, kept: _Kept) -> int:
        """Store a reply, evicting the least recently used; return how many were evicted.

        A reply that is larger than the whole store is not cached.
        """
        self.remove(key)
        if kept.size_bytes > self._bytes_max:
            return 0
        evictions = 0
        room_bytes = self._bytes_max - kept.size_bytes
        while self.size_bytes > room_bytes or len(self.by_query) >= self._kept_max:
            self.remove(next(iter(self.by_query)))
            evictions += 1
        self.by_query[key] = kept
        self.size_bytes += kept.size_bytes
        return evictions

    def remove(self, key: UpstreamQuery) -> None:
        """Remove a reply, if it is there."""
        kept = self.by_query.pop(key, None)
        if kept is not None:
            self.size_bytes -= kept.size_bytes

    def touch(self, key: UpstreamQuery) -> None:
        """Mark a reply as the most recently used."""
        self.by_query[key] = self.by_query.pop(key)


class Cache:
    """Cached replies by question; the case of names does not matter."""

    def __init__(self, *, bytes_max: int = BYTES_MAX, kept_max: int = KEPT_MAX) -> None:
        self.counts: Counter[Count] = Counter()
        self._positive = _Store(bytes_max // 2, kept_max)
        self._negative = _Store(bytes_max // 2, kept_max)

    @property
    def sizes(self) -> tuple[int, int]:
        """The number of cached answers and of cached denials."""
        return len(self._positive.by_query), len(self._negative.by_query)

    @property
    def size_bytes(self) -> int:
        """The estimated memory of all cached replies."""
        return self._positive.size_bytes + self._negative.size_bytes

    def find(
        self, query: UpstreamQuery, now: float, *, even_stale: bool = False
    ) -> UpstreamReply | None:
        """Find a reply; expired answers only with ``even_stale``, or after a cached failure."""
        key = _key(query)
        answer, denial = self._positive.by_query.get(key), self._negative.by_query.get(key)
        if answer is not None and now < answer.until:
            return self._hit(self._positive, key, answer, now)
        if denial is not None and now >= denial.until:
            denial = None
        is_failing = denial is not None and denial.reply.rcode not in FINAL_RCODES
        if answer is not None and (even_stale or is_failing) and now < answer.until + STALE_S:
            self.counts[Count.CACHE_STALE] += 1
            return _with_ttls(answer.reply, lambda _: STALE_TTL_S)
        return None if denial is None else self._hit(self._negative, key, denial, now)

    def keep(self, query: UpstreamQuery, reply: UpstreamReply, now: float) -> None:
        """Cache a reply for its TTL; a failure never replaces an answer."""
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
        self.counts[Count.CACHE_EVICTIONS] += store.add(key, kept)

    def _hit(self, store: _Store, key: UpstreamQuery, kept: _Kept, now: float) -> UpstreamReply:
        store.touch(key)
        is_positive = store is self._positive
        self.counts[Count.CACHE_HITS_POSITIVE if is_positive else Count.CACHE_HITS_NEGATIVE] += 1
        return _aged(kept.reply, int(now - kept.since))


def memory_bytes(query: UpstreamQuery, reply: UpstreamReply) -> int:
    """Estimate the memory of a cached reply."""
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


def _key(query: UpstreamQuery) -> UpstreamQuery:
    return replace(query, question=folded_question(query.question))


def _ttl_s(reply: UpstreamReply, *, is_positive: bool) -> int:
    if is_positive:
        return min(reply.ttl_s, POSITIVE_TTL_S_MAX)
    if reply.rcode in FINAL_RCODES:
        # RFC 2308 section 5: a denial without an SOA has no TTL and must not be cached.
        return min(reply.ttl_s, NEGATIVE_TTL_S_MAX) if reply.has_soa else 0
    return FAILURE_TTL_S if reply.rcode == Rcode.SERVFAIL else 0


def _aged(reply: UpstreamReply, age_s: int) -> UpstreamReply:
    """Subtract the age from all TTLs; additional records may expire earlier and are dropped."""
    answers, authority, additional = reply.sections
    lasting = tuple(record for record in additional if record.ttl_s > age_s)
    sections = (answers, authority, lasting)
    return _with_ttls(replace(reply, sections=sections), lambda ttl_s: max(0, ttl_s - age_s))


def _with_ttls(reply: UpstreamReply, change: Callable[[int], int]) -> UpstreamReply:
    answers, authority, additional = (
        tuple(replace(record, ttl_s=change(record.ttl_s)) for record in section)
        for section in reply.sections
    )
    return replace(reply, sections=(answers, authority, additional))
