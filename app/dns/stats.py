"""What a server has done so far, as numbers that add up over processes.

    DNSServer -> Numbers          Numbers + Numbers -> Numbers

Source: spec dns A14.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from app.dns.counters import Kind
from app.dns.programming_latency import ServiceKind


class Count(StrEnum):
    """What is counted besides replies; the last five are of the moment and not since the start."""

    CACHE_HITS_POSITIVE = "cache hits, positive"
    CACHE_HITS_NEGATIVE = "cache hits, negative"
    CACHE_MISSES = "cache misses"
    CACHE_STALE = "stale replies served"
    CACHE_EVICTIONS = "cache evictions"
    UPSTREAM_REQUESTS = "upstream requests"
    UPSTREAM_FAILURES = "upstream failures"
    UPSTREAM_MISMATCHES = "upstream mismatches"
    UPSTREAM_REJECTED = "questions too many under way"
    AUTOPATH_FOUND = "names found by walking"
    FAILURES = "messages lost to errors"
    MALFORMED = "messages that were no requests"
    DROPPED = "datagrams dropped by the kernel"
    UNSENT = "replies not taken by the kernel"
    LIMITED = "questions over a limit"
    SHED = "connections shed"
    CACHE_POSITIVE = "answers of others kept"
    CACHE_NEGATIVE = "denials of others kept"
    CACHE_BYTES = "memory of the cache"
    CONNECTIONS = "open connections"
    COMPILED = "compiled answers"


@dataclass(frozen=True, slots=True)
class Numbers:
    """Replies by kind, how many took how long, and the rest by what it is.

    ``durations`` counts by the number of the bucket; ``durations_s`` is their sum.  So does
    ``programmed`` by kind of Service and bucket, with sums in microseconds.
    """

    replies: Counter[Kind] = field(default_factory=Counter[Kind])
    counts: Counter[Count] = field(default_factory=Counter[Count])
    durations: Counter[int] = field(default_factory=Counter[int])
    durations_s: float = 0.0
    programmed: Counter[tuple[ServiceKind, int]] = field(
        default_factory=Counter[tuple[ServiceKind, int]]
    )
    programmed_us: Counter[ServiceKind] = field(default_factory=Counter[ServiceKind])


def total(numbers: Iterable[Numbers]) -> Numbers:
    """Add up the numbers of several processes."""
    every = tuple(numbers)
    sum_ = Numbers(durations_s=sum(each.durations_s for each in every))
    for each in every:
        sum_.replies.update(each.replies)
        sum_.counts.update(each.counts)
        sum_.durations.update(each.durations)
        sum_.programmed.update(each.programmed)
        sum_.programmed_us.update(each.programmed_us)
    return sum_
