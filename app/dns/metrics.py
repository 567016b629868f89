"""What the server did, as Prometheus reads it, under CoreDNS' names where the meaning is the same.

    DNSServer -> metric families, made when they are asked for

Nothing is counted here: the numbers are kept where things happen, and only
put into words on a scrape.  Source: spec dns A14.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from app.dns.messages import Rcode, Transport
from app.dns.server import DNSServer
from app.dns.tallies import SIZE_BUCKETS_BYTES, Kind

_SERVER, _ZONE, _PLUGIN = "dns://", ".", "kubernetes"
_FAMILY_V4, _FAMILY_V6 = "1", "2"
_DROPS_COLUMN, _INODE_COLUMN = 12, 9  # of /proc/net/udp


class DNSCollector(Collector):
    """Shows one server; register it with a Prometheus registry."""

    def __init__(self, server: DNSServer) -> None:
        self._server = server

    def collect(self) -> Iterator[Metric]:
        """Make the metric families of this moment."""
        counted = {kind: tally[0] for kind, tally in self._server.protocol.tallies.by_kind.items()}
        family = _FAMILY_V6 if ":" in self._server.host else _FAMILY_V4
        yield from _requests(counted, family)
        yield from _sizes(counted)
        yield from _cache(self._server)
        yield from _forwarding(self._server)
        yield from _trouble(self._server)


def _requests(counted: dict[Kind, int], family: str) -> Iterator[Metric]:
    requests = CounterMetricFamily(
        "coredns_dns_requests",
        "DNS requests answered.",
        labels=("server", "zone", "view", "proto", "family", "type"),
    )
    responses = CounterMetricFamily(
        "coredns_dns_responses",
        "DNS responses by response code.",
        labels=("server", "zone", "view", "rcode", "plugin"),
    )
    secure = CounterMetricFamily(
        "coredns_dns_do_requests", "DNS requests with DO set.", labels=("server", "zone", "view")
    )
    by_type: dict[tuple[str, str], int] = {}
    by_rcode: dict[str, int] = {}
    for kind, count in counted.items():
        key = (Transport(kind.transport).name.lower(), kind.type)
        by_type[key] = by_type.get(key, 0) + count
        rcode = Rcode(kind.rcode).name if kind.rcode in list(Rcode) else str(kind.rcode)
        by_rcode[rcode] = by_rcode.get(rcode, 0) + count
    for (proto, type_), count in sorted(by_type.items()):
        requests.add_metric((_SERVER, _ZONE, "", proto, family, type_), count)
    for rcode, count in sorted(by_rcode.items()):
        responses.add_metric((_SERVER, _ZONE, "", rcode, _PLUGIN), count)
    with_do = sum(count for kind, count in counted.items() if kind.is_dnssec_ok)
    secure.add_metric((_SERVER, _ZONE, ""), with_do)
    yield from (requests, responses, secure)


def _sizes(counted: dict[Kind, int]) -> Iterator[Metric]:
    for name, text, place in (
        ("coredns_dns_request_size_bytes", "Size of requests.", "request_bytes"),
        ("coredns_dns_response_size_bytes", "Size of responses.", "reply_bytes"),
    ):
        histogram = HistogramMetricFamily(name, text, labels=("server", "zone", "view", "proto"))
        for transport in Transport:
            sizes = [
                (getattr(kind, place), count)
                for kind, count in counted.items()
                if kind.transport == transport
            ]
            labels = (_SERVER, _ZONE, "", transport.name.lower())
            histogram.add_metric(labels, _buckets(sizes), sum(s * n for s, n in sizes))
        yield histogram


def _buckets(sizes: Iterable[tuple[int, int]]) -> list[tuple[str, float]]:
    """Add up, bucket by bucket, what lies at or below it; sizes are rounded up to theirs."""
    every = tuple(sizes)
    bounds = [
        (str(bound), float(sum(n for size, n in every if size <= bound)))
        for bound in SIZE_BUCKETS_BYTES
    ]
    return [*bounds, ("+Inf", float(sum(n for _, n in every)))]


def _cache(server: DNSServer) -> Iterator[Metric]:
    counts = server.forwarder.cache.counts
    labels = ("server", "type", "zones", "view")
    entries = GaugeMetricFamily("coredns_cache_entries", "Replies of others kept.", labels=labels)
    hits = CounterMetricFamily("coredns_cache_hits", "Replies found in the cache.", labels=labels)
    positive, negative = server.forwarder.cache.sizes
    for type_, size, hit in (
        ("success", positive, counts.hits_positive),
        ("denial", negative, counts.hits_negative),
    ):
        entries.add_metric((_SERVER, type_, _ZONE, ""), size)
        hits.add_metric((_SERVER, type_, _ZONE, ""), hit)
    yield from (entries, hits)
    looked_up = counts.hits_positive + counts.hits_negative + counts.misses
    for name, text, value in (
        ("coredns_cache_misses", "Questions not found in the cache.", counts.misses),
        ("coredns_cache_requests", "Questions looked up in the cache.", looked_up),
        ("coredns_cache_served_stale", "Expired replies served.", counts.stale),
        ("coredns_cache_evictions", "Replies dropped to make room.", counts.evictions),
    ):
        counter = CounterMetricFamily(name, text, labels=("server", "zones", "view"))
        counter.add_metric((_SERVER, _ZONE, ""), value)
        yield counter


def _forwarding(server: DNSServer) -> Iterator[Metric]:
    counts = server.forwarder.upstream.counts
    yield _plain(
        "coredns_forward_max_concurrent_rejects",
        "Questions refused because too many were under way.",
        counts.rejected,
    )
    yield _plain("waypost_dns_upstream_requests", "Questions put to others.", counts.requests)
    yield _plain("waypost_dns_upstream_failures", "Attempts without answer.", counts.failures)
    yield _plain(
        "waypost_dns_upstream_mismatches", "Replies that answer no question.", counts.mismatches
    )
    yield _plain(
        "coredns_autopath_success",
        "Names found by walking a search list.",
        server.protocol.autopath_found,
    )


def _trouble(server: DNSServer) -> Iterator[Metric]:
    yield _plain("coredns_panics", "Messages lost to an error of the server.", server.failures)
    yield _plain(
        "waypost_dns_malformed", "Messages that were no requests.", server.protocol.malformed
    )
    yield _plain(
        "waypost_dns_dropped_datagrams",
        "Datagrams lost because the socket was full.",
        drops_of(server.udp_inode),
    )
    yield _plain("waypost_dns_unsent_datagrams", "Replies the kernel refused.", server.unsent)
    yield _plain("waypost_dns_limited", "Questions over a client's limit.", server.limited)
    yield _plain(
        "waypost_dns_shed_connections", "Connections ended for others.", server.connections.shed
    )
    yield GaugeMetricFamily(
        "waypost_dns_connections", "Open TCP connections.", value=len(server.connections)
    )
    yield GaugeMetricFamily(
        "waypost_dns_compiled_answers",
        "Answers ready to be sent.",
        value=len(server.protocol.answers.by_wire),
    )


def _plain(name: str, text: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(name, text, value=value)


def drops_of(inode: int) -> int:
    """Read how many datagrams the kernel dropped for want of room; 0 where it does not tell."""
    for table in (Path("/proc/net/udp"), Path("/proc/net/udp6")):
        try:
            lines = table.read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            columns = line.split()
            if columns[_INODE_COLUMN] == str(inode):
                return int(columns[_DROPS_COLUMN])
    return 0
