"""Prometheus metrics: counts that add up, under CoreDNS' names."""

import dns.asyncquery
import dns.message
from prometheus_client import CollectorRegistry, generate_latest

from app.dns.answering.protocol import ProtocolConfig
from app.dns.metrics import DNSCollector
from app.dns.serving.server import DNSServer
from app.domain.discovery.zone.config import ZoneConfig
from app.domain.names import parse_domain
from app.registry.reads.view import View
from tests.dns_vectors import snapshot_of

HOST = "127.0.0.1"


async def test_every_answer_is_counted_once_hot_warm_or_cold() -> None:
    view = View()
    view.reset(snapshot_of("edge"), history=(), compacted=snapshot_of("edge").revision)
    zone = ZoneConfig(zones=(parse_domain("cluster.local"),))
    server = DNSServer(view, ProtocolConfig(zone=zone))
    await server.start(HOST, 0)
    registry = CollectorRegistry()
    registry.register(DNSCollector(server.host, server.stats))
    for name, type_, times in (("multi", "A", 5), ("nope", "AAAA", 3)):
        query = dns.message.make_query(f"{name}.edge.svc.cluster.local", type_)
        for _ in range(times):
            await dns.asyncquery.udp(query, HOST, 2, server.port)
        await dns.asyncquery.tcp(query, HOST, 2, server.port)
    labels = {"server": "dns://", "zone": ".", "view": ""}

    def value(name: str, **more: str) -> float | None:
        return registry.get_sample_value(name, {**labels, **more})

    requests = "coredns_dns_requests_total"
    assert value(requests, proto="udp", family="1", type="A") == 5
    assert value(requests, proto="tcp", family="1", type="A") == 1
    assert value(requests, proto="udp", family="1", type="AAAA") == 3
    responses = "coredns_dns_responses_total"
    assert value(responses, rcode="NXDOMAIN", plugin="kubernetes") == 4
    assert value("coredns_dns_response_size_bytes_count", proto="udp") == 8
    assert value("coredns_dns_response_size_bytes_bucket", proto="udp", le="100") == 8
    assert value("coredns_dns_request_duration_seconds_count") == 10
    text = generate_latest(registry).decode()
    for name in ("coredns_cache_hits_total", "coredns_panics_total", "coredns_autopath_success"):
        assert name in text
    await server.close()
