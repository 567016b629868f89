"""Prometheus metrics of the DNS server, under CoreDNS' names where the meaning is the same.

    Stats -> metric families, made on each scrape

Nothing is counted here: the modules that do the work count it.  Source: spec dns A14.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from app.dns.counters import SIZE_BUCKETS_BYTES, Count, Kind, Stats
from app.dns.messages.message import Rcode, Transport
from app.telemetry.durations import summed_up, with_durations

_PLACE = {"server": "dns://", "zone": ".", "view": ""}
_CACHE_PLACE = {"server": "dns://", "zones": ".", "view": ""}
_PLUGIN = "kubernetes"
_FAMILY_V4, _FAMILY_V6 = "1", "2"

_COUNTERS: Mapping[Count, str] = {
    Count.UPSTREAM_REJECTED: "Questions refused because too many upstream questions were pending.",
    Count.AUTOPATH_FOUND: "Names found by walking a client's search list.",
    Count.FAILURES: "Messages lost to an internal error.",
    Count.UPSTREAM_REQUESTS: "Questions sent to upstreams.",
    Count.UPSTREAM_FAILURES: "Questions to upstreams without a usable answer.",
    Count.UPSTREAM_MISMATCHES: "Datagrams from upstreams that match no pending question.",
    Count.MALFORMED: "Messages that were not valid requests.",
    Count.DROPPED: "Datagrams dropped by the kernel because the receive buffer was full.",
    Count.UNSENT: "Replies that the kernel did not accept.",
    Count.LIMITED: "Answers over the rate limit of a network.",
    Count.SHED: "Connections closed to make room for others.",
}
_CACHE_COUNTERS: Mapping[Count, str] = {
    Count.CACHE_MISSES: "Questions not found in the cache.",
    Count.CACHE_STALE: "Expired replies served.",
    Count.CACHE_EVICTIONS: "Replies evicted to make room.",
}
_GAUGES: Mapping[Count, str] = {
    Count.CONNECTIONS: "Open TCP connections.",
    Count.COMPILED: "Answers ready to be sent.",
    Count.CACHE_BYTES: "Estimated memory of cached upstream replies.",
}


class DNSCollector(Collector):
    """Exposes the ``stats`` of the server at ``host``; register it with a Prometheus registry."""

    def __init__(self, host: str, stats: Callable[[], Stats]) -> None:
        self._family = _FAMILY_V6 if ":" in host else _FAMILY_V4
        self._stats = stats

    def collect(self) -> Iterator[Metric]:
        """Make the metric families of now."""
        stats = self._stats()
        yield from _requests(stats.replies, self._family)
        yield from _sizes(stats.replies)
        yield from _durations(stats)
        yield from _cache(stats.counts)
        for count, text in _COUNTERS.items():
            yield CounterMetricFamily(count.value, text, value=stats.counts[count])
        for count, text in _GAUGES.items():
            yield GaugeMetricFamily(count.value, text, value=stats.counts[count])


def _requests(replies: Mapping[Kind, int], family: str) -> Iterator[Metric]:
    by_type: Counter[tuple[str, ...]] = Counter()
    by_rcode: Counter[tuple[str, ...]] = Counter()
    for kind, count in replies.items():
        rcode = Rcode(kind.rcode).name if kind.rcode in list(Rcode) else str(kind.rcode)
        by_type[Transport(kind.transport).name.lower(), family, kind.type] += count
        by_rcode[rcode, _PLUGIN] += count
    with_do = {(): sum(count for kind, count in replies.items() if kind.is_dnssec_ok)}
    more = ("proto", "family", "type")
    yield _counter("coredns_dns_requests", "Requests answered.", by_type, more=more)
    yield _counter(
        "coredns_dns_responses", "Responses by code.", by_rcode, more=("rcode", "plugin")
    )
    yield _counter("coredns_dns_do_requests", "Requests with DO set.", with_do)


def _counter(
    name: str,
    text: str,
    values: Mapping[tuple[str, ...], int],
    *,
    place: Mapping[str, str] = _PLACE,
    more: tuple[str, ...] = (),
) -> Metric:
    """Make a counter with the labels of ``place``, and the values of ``more`` labels."""
    family = CounterMetricFamily(name, text, labels=(*place, *more))
    for labels, value in sorted(values.items()):
        family.add_metric((*place.values(), *labels), value)
    return family


def _sizes(replies: Mapping[Kind, int]) -> Iterator[Metric]:
    for name, text, place in (
        ("coredns_dns_request_size_bytes", "Size of requests.", "request_bytes"),
        ("coredns_dns_response_size_bytes", "Size of responses.", "reply_bytes"),
    ):
        histogram = HistogramMetricFamily(name, text, labels=(*_PLACE, "proto"))
        for transport in Transport:
            sizes: Counter[int] = Counter()
            for kind, count in replies.items():
                if kind.transport == transport:
                    sizes[getattr(kind, place)] += count
            # Sizes are rounded up to their bucket's bound; those above the last are one more.
            counts = [sizes[bound] for bound in (*SIZE_BUCKETS_BYTES, SIZE_BUCKETS_BYTES[-1] + 1)]
            buckets = summed_up(SIZE_BUCKETS_BYTES, counts)
            labels = (*_PLACE.values(), transport.name.lower())
            histogram.add_metric(labels, buckets, sum(s * n for s, n in sizes.items()))
        yield histogram


def _durations(stats: Stats) -> Iterator[Metric]:
    yield with_durations(
        HistogramMetricFamily(
            "coredns_dns_request_duration_seconds",
            "Time to answer; datagrams received in one batch share its time equally.",
            labels=tuple(_PLACE),
        ),
        {tuple(_PLACE.values()): stats.durations},
    )
    yield with_durations(
        HistogramMetricFamily(
            "coredns_kubernetes_dns_programming_duration_seconds",
            "Time from the change of a Pod until DNS answers show it, by kind of Service.",
            labels=("service_kind",),
        ),
        {(kind.value,): durations for kind, durations in stats.programmed.items()},
    )


def _cache(counts: Mapping[Count, int]) -> Iterator[Metric]:
    entries = GaugeMetricFamily(
        "coredns_cache_entries", "Cached upstream replies.", labels=(*_CACHE_PLACE, "type")
    )
    entries.add_metric((*_CACHE_PLACE.values(), "success"), counts[Count.CACHE_POSITIVE])
    entries.add_metric((*_CACHE_PLACE.values(), "denial"), counts[Count.CACHE_NEGATIVE])
    yield entries
    found = {
        ("success",): counts[Count.CACHE_HITS_POSITIVE],
        ("denial",): counts[Count.CACHE_HITS_NEGATIVE],
    }
    name, text = "coredns_cache_hits", "Replies found in the cache."
    yield _counter(name, text, found, place=_CACHE_PLACE, more=("type",))
    looked_up = sum(found.values()) + counts[Count.CACHE_MISSES]
    name, text = "coredns_cache_requests", "Questions looked up."
    yield _counter(name, text, {(): looked_up}, place=_CACHE_PLACE)
    for count, text in _CACHE_COUNTERS.items():
        yield _counter(count.value, text, {(): counts[count]}, place=_CACHE_PLACE)
