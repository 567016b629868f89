"""Near clients and others, and the largest datagram for each."""

from ipaddress import ip_address, ip_network

import dns.asyncquery
import dns.flags
import dns.message
import pytest

from app.dns.answering.protocol import Protocol, ProtocolConfig
from app.dns.answering.rate_limit import Clients, is_near
from app.dns.messages.message import UDP_BYTES_MAX, UDP_BYTES_SAFE, Transport
from app.dns.serving.server import DNSServer, ServerOptions
from app.registry.reads.view import View
from tests.dns.answering.test_protocol import HOST, ZONE, FixedSource
from tests.dns.messages.test_compiled import a_headless_zone

NEAR = ip_address("127.0.0.1")
ENDPOINTS = 150  # their addresses take more than UDP_BYTES_SAFE and less than UDP_BYTES_MAX
WAIT_S = 5.0
EVERYWHERE = ["0.0.0.0", "::"]  # noqa: S104  compared with, not bound to
ANY = ip_address(EVERYWHERE[0])
LARGE = "big.default.svc.cluster.local"
OFFERS = [512, 1232, 1280, 4096, 65_535]


@pytest.mark.parametrize(
    ("client", "is_one"),
    [
        ("127.0.0.1", True),
        ("127.255.0.9", True),
        ("::1", True),
        ("10.0.0.1", False),
        ("128.0.0.1", False),
        ("::2", False),
        ("fe80::1%lo", False),
    ],
)
def test_near_are_the_addresses_of_the_loopback_interface(client: str, *, is_one: bool) -> None:
    assert is_near(ip_address(client)) is is_one
    assert Clients(at=ANY).has_near(ip_address(client)) is is_one
    assert Clients().has_near(ip_address(client)) is is_one


@pytest.mark.parametrize(("at", "are_near"), [("127.0.0.1", True), ("192.0.2.1", False)])
def test_at_a_specific_address_all_clients_are_near_or_none(at: str, *, are_near: bool) -> None:
    clients = Clients(at=ip_address(at))
    assert clients.are_alike
    assert [clients.has_near(client) for client in (NEAR, HOST, None)] == [are_near] * 3


@pytest.mark.parametrize("at", [None, *EVERYWHERE])
def test_at_a_wildcard_address_a_client_without_address_is_not_near(at: str | None) -> None:
    clients = Clients(at=None if at is None else ip_address(at))
    assert not clients.are_alike
    assert not clients.has_near(None)


def a_query(offer: int) -> bytes:
    query = dns.message.make_query(LARGE, "A", id=0)
    query.use_edns(0, payload=offer)
    return query.to_wire()


def a_protocol(udp_bytes_max: int = UDP_BYTES_SAFE) -> Protocol:
    config = ProtocolConfig(zone=ZONE, udp_bytes_max=udp_bytes_max)
    return Protocol(FixedSource(a_headless_zone(ENDPOINTS)), config)


@pytest.mark.parametrize("offer", OFFERS)
@pytest.mark.parametrize("udp_bytes_max", [512, UDP_BYTES_SAFE, UDP_BYTES_MAX])
def test_only_near_clients_get_datagrams_above_the_setting(udp_bytes_max: int, offer: int) -> None:
    protocol = a_protocol(udp_bytes_max)
    for client, size_max in ((NEAR, UDP_BYTES_MAX), (HOST, udp_bytes_max), (None, udp_bytes_max)):
        for _ in range(2):
            reply = protocol.respond(a_query(offer), Transport.UDP, client)
            assert isinstance(reply, bytes)
            message = dns.message.from_wire(reply)
            assert len(reply) <= min(offer, size_max)
            is_whole = sum(map(len, message.answer)) == ENDPOINTS
            assert is_whole == (not message.flags & dns.flags.TC)
            assert is_whole == (min(offer, size_max) > 2_500)
    over_tcp = protocol.respond(a_query(offer), Transport.TCP, HOST)
    assert isinstance(over_tcp, bytes)
    assert len(over_tcp) > 2_400


def test_only_replies_that_are_equal_for_all_clients_are_cached() -> None:
    protocol = a_protocol()
    protocol.serve_at(ANY)
    known = protocol.answers.by_wire
    small = dns.message.make_query("w-1.big.default.svc.cluster.local", "A", id=0)
    small.use_edns(0, payload=4096)
    for client in (NEAR, HOST):
        protocol.respond(small.to_wire(), Transport.UDP, client)
        assert small.to_wire()[2:] in known
        known.clear()
        for offer in OFFERS[:4]:
            protocol.respond(a_query(offer), Transport.UDP, client)
        kept = [a_query(offer)[2:] in known for offer in OFFERS[:4]]
        assert kept == [True, True, False, False]
        known.clear()


@pytest.mark.parametrize(("at", "is_whole"), [("127.0.0.1", True), ("192.0.2.1", False)])
def test_where_all_clients_are_alike_all_usual_replies_are_cached(
    at: str, *, is_whole: bool
) -> None:
    protocol = a_protocol()
    protocol.serve_at(ip_address(at))
    protocol.respond(a_query(4096), Transport.UDP, HOST)
    reply, _, _ = protocol.answers.by_wire[a_query(4096)[2:]]
    assert not isinstance(reply, bytes)
    assert (len(reply.octets()) > UDP_BYTES_SAFE) is is_whole


async def test_the_same_octets_get_replies_by_the_limit_of_each_client() -> None:
    view, snapshot = View(), a_headless_zone(ENDPOINTS)
    view.reset(snapshot, history=(), compacted=snapshot.revision)
    # The loopback interface has a whole network of addresses; half of it counts as not near.
    config = ProtocolConfig(zone=ZONE, near=(ip_network("127.128.0.0/9"),))
    server = DNSServer(view, config, ServerOptions())
    await server.start("0.0.0.0", 0)  # noqa: S104  the point of the test
    query = dns.message.from_wire(a_query(4096))
    for source, is_whole in 3 * [("127.128.0.1", True), ("127.0.0.1", False)]:
        reply = await dns.asyncquery.udp(query, "127.0.0.1", WAIT_S, server.port, source=source)
        assert (len(reply.to_wire()) > UDP_BYTES_SAFE) is is_whole
        assert (not reply.flags & dns.flags.TC) is is_whole
    await server.close()
