"""Counters of a DNS server: cheap enough for the hot path, and added up over processes.

    Request, rcode, size -> ReplyCounter          a list with one number, to be incremented
    DNSServer -> Stats                            Stats, Stats … -> Stats of all

Replies of one kind share a counter; a cached reply is stored with its counter, so that
counting it needs no look-up.  ``metrics`` exposes the numbers.
Source: spec dns A14.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from app.dns.messages.message import Request
from app.dns.messages.rdata_text import NAMED_TYPES
from app.telemetry.durations import Durations

ReplyCounter = list[int]

KINDS_MAX = 4_096  # counted separately; later kinds are counted without type and sizes
SIZE_BUCKETS_BYTES = (0, 100, 200, 300, 400, 511, 1023, 2047, 4095, 8291, 16_000, 32_000, 48_000)
DURATION_BUCKETS_S = tuple(0.00025 * 2**step for step in range(16))
PROGRAMMING_BUCKETS_S: Final = tuple(0.001 * 2**step for step in range(20))
_ANY_SIZE = SIZE_BUCKETS_BYTES[-1] + 1


class Count(StrEnum):
    """Counters besides replies, by the names of their metrics; the last five are gauges."""

    CACHE_HITS_POSITIVE = "coredns_cache_hits of success"
    CACHE_HITS_NEGATIVE = "coredns_cache_hits of denial"
    CACHE_MISSES = "coredns_cache_misses"
    CACHE_STALE = "coredns_cache_served_stale"
    CACHE_EVICTIONS = "coredns_cache_evictions"
    UPSTREAM_REQUESTS = "waypost_dns_upstream_requests"
    UPSTREAM_FAILURES = "waypost_dns_upstream_failures"
    UPSTREAM_MISMATCHES = "waypost_dns_upstream_mismatches"
    UPSTREAM_REJECTED = "coredns_forward_max_concurrent_rejects"
    AUTOPATH_FOUND = "coredns_autopath_success"
    FAILURES = "coredns_panics"
    MALFORMED = "waypost_dns_malformed"
    DROPPED = "waypost_dns_dropped_datagrams"
    UNSENT = "waypost_dns_unsent_datagrams"
    LIMITED = "waypost_dns_limited"
    SHED = "waypost_dns_shed_connections"
    CACHE_POSITIVE = "coredns_cache_entries of success"
    CACHE_NEGATIVE = "coredns_cache_entries of denial"
    CACHE_BYTES = "waypost_dns_cache_bytes"
    CONNECTIONS = "waypost_dns_connections"
    COMPILED = "waypost_dns_compiled_answers"


class ServiceKind(StrEnum):
    """Kinds of Service, as the metric's label names them."""

    CLUSTER_IP = "cluster_ip"
    HEADLESS = "headless_with_selector"


class Kind(NamedTuple):
    """The properties by which replies are counted."""

    transport: int
    type: str
    rcode: int
    is_dnssec_ok: bool
    request_bytes: int
    reply_bytes: int


class ReplyCounters:
    """The counts of one server since it started."""

    def __init__(self, *, kinds_max: int = KINDS_MAX) -> None:
        self._kinds_max = kinds_max
        self.by_kind: dict[Kind, ReplyCounter] = {}
        self.durations = reply_durations()

    def of(self, request: Request, rcode: int, reply_bytes: int) -> ReplyCounter:
        """Return the counter for replies of this kind."""
        edns = request.edns
        kind = Kind(
            request.transport,
            NAMED_TYPES.get(request.type, "other"),
            rcode,
            edns is not None and edns.is_dnssec_ok,
            bucket(request.size_bytes),
            bucket(reply_bytes),
        )
        if kind not in self.by_kind and len(self.by_kind) >= self._kinds_max:
            # Clients and upstreams choose types, codes and sizes, so the kinds must be bounded.
            kind = kind._replace(
                type="other", is_dnssec_ok=False, request_bytes=_ANY_SIZE, reply_bytes=_ANY_SIZE
            )
        return self.by_kind.setdefault(kind, [0])


def reply_durations() -> Durations:
    """Begin a histogram of the time to answer."""
    return Durations(DURATION_BUCKETS_S)


def programming_durations() -> dict[ServiceKind, Durations]:
    """Begin a histogram of programming latencies for each kind of Service."""
    return {kind: Durations(PROGRAMMING_BUCKETS_S) for kind in ServiceKind}


@dataclass(frozen=True, slots=True)
class Stats:
    """Replies by kind, histograms of durations, and all other counters."""

    replies: Counter[Kind] = field(default_factory=Counter[Kind])
    counts: Counter[Count] = field(default_factory=Counter[Count])
    durations: Durations = field(default_factory=reply_durations)
    programmed: dict[ServiceKind, Durations] = field(default_factory=programming_durations)


def total(stats: Iterable[Stats]) -> Stats:
    """Add up the counters of several processes."""
    whole = Stats()
    for each in stats:
        whole.replies.update(each.replies)
        whole.counts.update(each.counts)
        whole.durations.include(each.durations)
        for kind, durations in each.programmed.items():
            whole.programmed[kind].include(durations)
    return whole


def bucket(size_bytes: int) -> int:
    """Return the upper bound of a size's bucket; one above the last bound means infinity."""
    at = bisect_left(SIZE_BUCKETS_BYTES, size_bytes)
    return SIZE_BUCKETS_BYTES[at] if at < len(SIZE_BUCKETS_BYTES) else _ANY_SIZE
