"""Counters of a DNS server, which can be added up over processes.

    DNSServer -> Stats          Stats + Stats -> Stats

Source: spec dns A14.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from app.dns.counters import Kind
from app.dns.programming_latency import ServiceKind


class Count(StrEnum):
    """Counters besides replies; the last five are gauges."""

    CACHE_HITS_POSITIVE = "cache hits, positive"
    CACHE_HITS_NEGATIVE = "cache hits, negative"
    CACHE_MISSES = "cache misses"
    CACHE_STALE = "stale replies served"
    CACHE_EVICTIONS = "cache evictions"
    UPSTREAM_REQUESTS = "upstream requests"
    UPSTREAM_FAILURES = "upstream failures"
    UPSTREAM_MISMATCHES = "upstream mismatches"
    UPSTREAM_REJECTED = "questions rejected, too many pending"
    AUTOPATH_FOUND = "names found by walking a search list"
    FAILURES = "messages lost to internal errors"
    MALFORMED = "malformed requests"
    DROPPED = "datagrams dropped by the kernel"
    UNSENT = "replies not accepted by the kernel"
    LIMITED = "answers over the rate limit"
    SHED = "connections shed"
    CACHE_POSITIVE = "cached answers"
    CACHE_NEGATIVE = "cached denials"
    CACHE_BYTES = "memory of the cache"
    CONNECTIONS = "open connections"
    COMPILED = "compiled answers"


@dataclass(frozen=True, slots=True)
class Stats:
    """Replies by kind, histograms of durations, and all other counters.

    ``durations`` counts answers by index of the bucket; ``durations_s`` is the sum of all.
    ``programmed`` counts by kind of Service and bucket; its sums are in microseconds.
    """

    replies: Counter[Kind] = field(default_factory=Counter[Kind])
    counts: Counter[Count] = field(default_factory=Counter[Count])
    durations: Counter[int] = field(default_factory=Counter[int])
    durations_s: float = 0.0
    programmed: Counter[tuple[ServiceKind, int]] = field(
        default_factory=Counter[tuple[ServiceKind, int]]
    )
    programmed_us: Counter[ServiceKind] = field(default_factory=Counter[ServiceKind])


def total(stats: Iterable[Stats]) -> Stats:
    """Add up the counters of several processes."""
    every = tuple(stats)
    sum_ = Stats(durations_s=sum(each.durations_s for each in every))
    for each in every:
        sum_.replies.update(each.replies)
        sum_.counts.update(each.counts)
        sum_.durations.update(each.durations)
        sum_.programmed.update(each.programmed)
        sum_.programmed_us.update(each.programmed_us)
    return sum_
