"""Limits per client: by law, and over a real socket."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dns.protocol import ProtocolConfig
from app.dns.rate_limit import BURST_S, RateLimit, Verdict
from app.dns.server import DNSServer, ServerOptions
from app.domain.discovery.zone_config import ZoneConfig
from app.domain.names import parse_domain
from app.registry.view import View
from tests.dns_vectors import snapshot_of

HOST = "127.0.0.1"


@given(st.integers(1, 50), st.lists(st.floats(0, 0.5), min_size=1, max_size=200))
def test_a_client_never_gets_more_than_its_rate_and_one_burst(
    per_s: int, gaps_s: list[float]
) -> None:
    limit, now, allowed = RateLimit(per_s), 0.0, 0
    for gap_s in gaps_s:
        now += gap_s
        allowed += limit.judge(IPv4Address("192.0.2.1"), now) == Verdict.ALLOWED
    assert allowed <= per_s * (BURST_S + now) + 1


def test_clients_do_not_share_a_bucket_but_the_hosts_of_a_subnet_do() -> None:
    limit = RateLimit(1)
    verdicts = [limit.judge(IPv6Address(f"2001:db8::{n}"), 0) for n in range(1, 6)]
    assert verdicts.count(Verdict.ALLOWED) == BURST_S
    assert Verdict.TOLD in verdicts
    assert Verdict.DROPPED in verdicts
    assert limit.judge(ip_address("2001:db8:1::1"), 0) == Verdict.ALLOWED


def test_the_table_is_bounded() -> None:
    limit = RateLimit(1, clients_max=2)
    for number in range(1, 5):
        assert limit.judge(IPv4Address(number), 0) == Verdict.ALLOWED


async def test_whoever_asks_too_much_is_sent_to_tcp_or_met_with_silence() -> None:
    view = View()
    view.reset(snapshot_of("edge"), history=(), compacted=snapshot_of("edge").revision)
    zone = ZoneConfig(zones=(parse_domain("cluster.local"),))
    server = DNSServer(view, ProtocolConfig(zone=zone), ServerOptions(rate_limit_per_s=1))
    await server.start(HOST, 0)
    query = dns.message.make_query("multi.edge.svc.cluster.local", "A")
    for _ in range(BURST_S):
        reply = await dns.asyncquery.udp(query, HOST, 2, server.port)
        assert reply.answer
    with pytest.raises(dns.exception.Timeout):
        await dns.asyncquery.udp(query, HOST, 0.2, server.port)
    reply = await dns.asyncquery.udp(query, HOST, 2, server.port)
    assert reply.flags & dns.flags.TC
    assert server.limited == 2
    await server.close()
