"""Prometheus metrics of the DNS server, under CoreDNS' names where the meaning is the same.

    Stats -> metric families, made on each scrape

Nothing is counted here: the modules that do the work count it.  Source: spec dns A14.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Protocol

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from app.dns.counters import DURATION_BUCKETS_S, SIZE_BUCKETS_BYTES, Kind
from app.dns.messages.message import Rcode, Transport
from app.dns.programming_latency import BOUNDS_S, ServiceKind
from app.dns.stats import Count, Stats

_SERVER, _ZONE, _VIEW, _PLUGIN = "dns://", ".", "", "kubernetes"
_FAMILY_V4, _FAMILY_V6 = "1", "2"

_COUNTERS: Mapping[Count, tuple[str, str]] = {
    Count.UPSTREAM_REJECTED: (
        "coredns_forward_max_concurrent_rejects",
        "Questions refused because too many upstream questions were pending.",
    ),
    Count.AUTOPATH_FOUND: (
        "coredns_autopath_success",
        "Names found by walking a client's search list.",
    ),
    Count.FAILURES: ("coredns_panics", "Messages lost to an internal error."),
    Count.UPSTREAM_REQUESTS: ("waypost_dns_upstream_requests", "Questions sent to upstreams."),
    Count.UPSTREAM_FAILURES: (
        "waypost_dns_upstream_failures",
        "Questions to upstreams without a usable answer.",
    ),
    Count.UPSTREAM_MISMATCHES: (
        "waypost_dns_upstream_mismatches",
        "Datagrams from upstreams that match no pending question.",
    ),
    Count.MALFORMED: ("waypost_dns_malformed", "Messages that were not valid requests."),
    Count.DROPPED: (
        "waypost_dns_dropped_datagrams",
        "Datagrams dropped by the kernel because the receive buffer was full.",
    ),
    Count.UNSENT: ("waypost_dns_unsent_datagrams", "Replies that the kernel did not accept."),
    Count.LIMITED: ("waypost_dns_limited", "Answers over the rate limit of a network."),
    Count.SHED: ("waypost_dns_shed_connections", "Connections closed to make room for others."),
}
_CACHE_COUNTERS: Mapping[Count, tuple[str, str]] = {
    Count.CACHE_MISSES: ("coredns_cache_misses", "Questions not found in the cache."),
    Count.CACHE_STALE: ("coredns_cache_served_stale", "Expired replies served."),
    Count.CACHE_EVICTIONS: ("coredns_cache_evictions", "Replies evicted to make room."),
}
_GAUGES: Mapping[Count, tuple[str, str]] = {
    Count.CONNECTIONS: ("waypost_dns_connections", "Open TCP connections."),
    Count.COMPILED: ("waypost_dns_compiled_answers", "Answers ready to be sent."),
    Count.CACHE_BYTES: (
        "waypost_dns_cache_bytes",
        "Estimated memory of cached upstream replies.",
    ),
}


class Source(Protocol):
    """The origin of the stats: one server, or several processes as one."""

    @property
    def host(self) -> str:
        """The address it listens at."""
        ...

    def stats(self) -> Stats:
        """Return the counters of now."""
        ...


class DNSCollector(Collector):
    """Exposes one server; register it with a Prometheus registry."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def collect(self) -> Iterator[Metric]:
        """Make the metric families of now."""
        stats = self._source.stats()
        family = _FAMILY_V6 if ":" in self._source.host else _FAMILY_V4
        yield from _requests(stats.replies, family)
        yield from _sizes(stats.replies)
        yield _durations(stats)
        yield _programmed(stats)
        yield from _cache(stats.counts)
        for count, (name, text) in _COUNTERS.items():
            yield CounterMetricFamily(name, text, value=stats.counts[count])
        for count, (name, text) in _GAUGES.items():
            yield GaugeMetricFamily(name, text, value=stats.counts[count])


def _requests(replies: Mapping[Kind, int], family: str) -> Iterator[Metric]:
    place = ("server", "zone", "view")
    requests = CounterMetricFamily(
        "coredns_dns_requests", "Requests answered.", labels=(*place, "proto", "family", "type")
    )
    responses = CounterMetricFamily(
        "coredns_dns_responses", "Responses by code.", labels=(*place, "rcode", "plugin")
    )
    secure = CounterMetricFamily("coredns_dns_do_requests", "Requests with DO set.", labels=place)
    by_type: dict[tuple[str, str], int] = {}
    by_rcode: dict[str, int] = {}
    for kind, count in replies.items():
        key = (Transport(kind.transport).name.lower(), kind.type)
        by_type[key] = by_type.get(key, 0) + count
        rcode = Rcode(kind.rcode).name if kind.rcode in list(Rcode) else str(kind.rcode)
        by_rcode[rcode] = by_rcode.get(rcode, 0) + count
    for (proto, type_), count in sorted(by_type.items()):
        requests.add_metric((_SERVER, _ZONE, _VIEW, proto, family, type_), count)
    for rcode, count in sorted(by_rcode.items()):
        responses.add_metric((_SERVER, _ZONE, _VIEW, rcode, _PLUGIN), count)
    with_do = sum(count for kind, count in replies.items() if kind.is_dnssec_ok)
    secure.add_metric((_SERVER, _ZONE, _VIEW), with_do)
    yield from (requests, responses, secure)


def _sizes(replies: Mapping[Kind, int]) -> Iterator[Metric]:
    for name, text, place in (
        ("coredns_dns_request_size_bytes", "Size of requests.", "request_bytes"),
        ("coredns_dns_response_size_bytes", "Size of responses.", "reply_bytes"),
    ):
        histogram = HistogramMetricFamily(name, text, labels=("server", "zone", "view", "proto"))
        for transport in Transport:
            sizes = [
                (getattr(kind, place), count)
                for kind, count in replies.items()
                if kind.transport == transport
            ]
            labels = (_SERVER, _ZONE, _VIEW, transport.name.lower())
            histogram.add_metric(labels, _buckets(sizes), sum(s * n for s, n in sizes))
        yield histogram


def _durations(stats: Stats) -> Metric:
    histogram = HistogramMetricFamily(
        "coredns_dns_request_duration_seconds",
        "Time to answer; datagrams received in one batch share its time equally.",
        labels=("server", "zone", "view"),
    )
    counts = [stats.durations[number] for number in range(len(DURATION_BUCKETS_S) + 1)]
    buckets = _summed_up(DURATION_BUCKETS_S, counts)
    histogram.add_metric((_SERVER, _ZONE, _VIEW), buckets, stats.durations_s)
    return histogram


def _programmed(stats: Stats) -> Metric:
    histogram = HistogramMetricFamily(
        "coredns_kubernetes_dns_programming_duration_seconds",
        "Time from the change of a Pod until DNS answers show it, by kind of Service.",
        labels=("service_kind",),
    )
    for kind in ServiceKind:
        counts = [stats.programmed[kind, number] for number in range(len(BOUNDS_S) + 1)]
        buckets = _summed_up(BOUNDS_S, counts)
        histogram.add_metric((kind.value,), buckets, stats.programmed_us[kind] / 1e6)
    return histogram


def _summed_up(bounds: Iterable[float], counts: Iterable[int]) -> list[tuple[str, float]]:
    """Make cumulative buckets, as Prometheus wants them."""
    return list(zip((*map(str, bounds), "+Inf"), map(float, accumulate(counts)), strict=True))


def _buckets(sizes: Iterable[tuple[int, int]]) -> list[tuple[str, float]]:
    """Make cumulative buckets of sizes, which are rounded up to their bucket's bound."""
    every = tuple(sizes)
    bounds = [
        (str(bound), float(sum(n for size, n in every if size <= bound)))
        for bound in SIZE_BUCKETS_BYTES
    ]
    return [*bounds, ("+Inf", float(sum(n for _, n in every)))]


def _cache(counts: Mapping[Count, int]) -> Iterator[Metric]:
    labels = ("server", "type", "zones", "view")
    entries = GaugeMetricFamily("coredns_cache_entries", "Cached upstream replies.", labels=labels)
    hits = CounterMetricFamily("coredns_cache_hits", "Replies found in the cache.", labels=labels)
    for type_, size, hit in (
        ("success", Count.CACHE_POSITIVE, Count.CACHE_HITS_POSITIVE),
        ("denial", Count.CACHE_NEGATIVE, Count.CACHE_HITS_NEGATIVE),
    ):
        entries.add_metric((_SERVER, type_, _ZONE, _VIEW), counts[size])
        hits.add_metric((_SERVER, type_, _ZONE, _VIEW), counts[hit])
    yield from (entries, hits)
    looked_up = (Count.CACHE_HITS_POSITIVE, Count.CACHE_HITS_NEGATIVE, Count.CACHE_MISSES)
    values = {
        ("coredns_cache_requests", "Questions looked up."): sum(counts[each] for each in looked_up),
        **{named: counts[count] for count, named in _CACHE_COUNTERS.items()},
    }
    for (name, text), value in values.items():
        counter = CounterMetricFamily(name, text, labels=("server", "zones", "view"))
        counter.add_metric((_SERVER, _ZONE, _VIEW), value)
        yield counter
