"""The rate limit of a network, and near clients, who have none and get larger datagrams."""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from math import inf

import dns.asyncquery
import dns.flags
import dns.message
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dns.answering.protocol import Protocol, ProtocolConfig
from app.dns.answering.rate_limit import (
    ANSWER_BYTES,
    LOOPBACK,
    WINDOW_S,
    Accounts,
    Clients,
    RateLimit,
    Window,
    is_near,
    network_of,
)
from app.dns.counters import Count
from app.dns.messages.message import UDP_BYTES_MAX, UDP_BYTES_SAFE, Transport
from app.dns.serving.server import DNSServer, ServerOptions
from app.dns.serving.sockets import bind
from app.dns.serving.udp import Datagrams, Peer
from app.domain.addresses import Address, Prefix
from app.domain.names import parse_domain
from app.registry.reads.view import View
from app.telemetry.durations import Durations
from tests.dns.answering.test_protocol import ZONE, FixedSource
from tests.dns.messages.test_compiled import a_headless_zone
from tests.dns.upstream_server import Asked, upstream_server

HOST = "127.0.0.1"
WAIT_S = 5.0
CLIENT = IPv4Address("192.0.2.1")
SENT, DROPPED, TRUNCATED = b"as it is", None, b"empty, with TC"
LARGE = "big.default.svc.cluster.local"
ENDPOINTS = 70  # an answer with their addresses exceeds a limit of one answer per second


def a_limit(per_s: int, *, near: tuple[Prefix, ...] = ()) -> RateLimit:
    return RateLimit(per_s, Accounts(), lambda _: TRUNCATED, near=near)


def verdict_of(limit: RateLimit, reply: bytes, client: Address, now: float) -> bytes | None:
    sent = limit.limited(reply, b"", client, now)
    return SENT if sent == reply else sent


def a_reply(type_: str = "A", rcode: int = 0, size_bytes: int = ANSWER_BYTES) -> bytes:
    reply = dns.message.make_response(dns.message.make_query("www.example.com", type_))
    octets = reply.to_wire()
    head = octets[:3] + bytes((octets[3] | rcode,)) + octets[4:]
    return head.ljust(size_bytes, b"\0")


# Laws.


@given(
    st.integers(1, 5),
    st.lists(
        st.tuples(
            st.floats(0, 0.4),
            st.integers(12, 1232),
            st.integers(0, 600),
            st.sampled_from(["A", "AAAA", "TXT"]),
        ),
        max_size=80,
    ),
)
def test_a_network_gets_no_more_answers_of_a_kind_than_its_limit(
    per_s: int, sent: list[tuple[float, int, int, str]]
) -> None:
    limit, now = a_limit(per_s), 0.0
    window_ends, spent = 0.0, Counter[tuple[bytes, str]]()
    for gap_s, size_bytes, host, type_ in sent:
        now += gap_s
        if now >= window_ends:
            window_ends, spent = now + WINDOW_S, Counter[tuple[bytes, str]]()
        client = CLIENT + host
        reply = a_reply(type_, size_bytes=max(size_bytes, 40))
        if verdict_of(limit, reply, client, now) == SENT:
            spent[network_of(client), type_] += len(reply)
    assert all(octets <= per_s * ANSWER_BYTES for octets in spent.values())


@given(st.integers(1, 40), st.integers(1, 40))
def test_answers_within_the_limit_are_sent(per_s: int, count: int) -> None:
    limit = a_limit(per_s)
    verdicts = [verdict_of(limit, a_reply(), CLIENT, 1.0) for _ in range(count)]
    assert verdicts.count(SENT) == min(count, per_s)
    assert limit.refused == max(0, count - per_s)


def test_every_other_answer_over_the_limit_is_truncated() -> None:
    limit = a_limit(1)
    verdicts = [verdict_of(limit, a_reply(), CLIENT, 0.5) for _ in range(7)]
    assert verdicts == [SENT, *3 * [DROPPED, TRUNCATED]]


def test_a_new_second_begins_with_empty_accounts() -> None:
    limit = a_limit(1)
    seconds = [verdict_of(limit, a_reply(), CLIENT, second) for second in (0.0, 0.9, 1.0, 1.9, 2.0)]
    assert [verdict == SENT for verdict in seconds] == [True, False, True, False, True]


@pytest.mark.parametrize(
    ("one", "other", "is_shared"),
    [
        ("192.0.2.1", "192.0.2.255", True),
        ("192.0.2.1", "192.0.3.1", False),
        ("2001:db8:0:ff::1", "2001:db8::2", True),
        ("2001:db8:0:100::1", "2001:db8::2", False),
        ("::ffff:192.0.2.1", "192.0.2.9", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.3.1", False),
    ],
)
def test_neighbours_share_a_limit(one: str, other: str, *, is_shared: bool) -> None:
    limit = a_limit(1)
    assert verdict_of(limit, a_reply(), ip_address(one), 0.5) == SENT
    second = verdict_of(limit, a_reply(), ip_address(other), 0.5)
    assert (second == DROPPED) is is_shared


def test_kinds_of_answers_have_separate_limits() -> None:
    limit = a_limit(1)
    for reply in (a_reply("A"), a_reply("AAAA"), a_reply("A", rcode=3), a_reply("A", rcode=2)):
        assert verdict_of(limit, reply, CLIENT, 0.5) == SENT
        assert verdict_of(limit, reply, CLIENT, 0.5) != SENT
    # All unknown types share one account, so asking for many of them gives no more answers.
    assert verdict_of(limit, a_reply("TYPE65000"), CLIENT, 0.5) == SENT
    assert verdict_of(limit, a_reply("TYPE65001"), CLIENT, 0.5) != SENT
    header = a_reply(rcode=1)[:12]
    assert verdict_of(limit, header, CLIENT, 0.5) == SENT


def test_a_large_answer_counts_as_several() -> None:
    limit = a_limit(10)
    large = [verdict_of(limit, a_reply(size_bytes=5 * ANSWER_BYTES), CLIENT, 0.5) for _ in range(3)]
    assert large.count(SENT) == 2


@pytest.mark.parametrize("client", ["127.0.0.1", "127.9.8.7", "::1", "::ffff:127.0.0.1"])
def test_loopback_is_never_limited(client: str) -> None:
    limit = a_limit(1, near=LOOPBACK)
    address = ip_address(client)
    assert {verdict_of(limit, a_reply(), address, 0.5) for _ in range(100)} == {SENT}
    assert limit.refused == 0


@given(st.lists(st.integers(0, 2**32 - 1), max_size=300))
def test_networks_are_counted_up_to_a_bound(addresses: list[int]) -> None:
    accounts = Accounts()
    limit = RateLimit(1, accounts, lambda _: None, window=Window(networks_max=20))
    kinds = (a_reply("A"), a_reply("AAAA"))
    for number in addresses:
        for reply in kinds:
            limit.limited(reply, b"", IPv4Address(number), 0.5)
        assert sum(len(accounts.of_reply(reply)) for reply in kinds) <= 20


# Over sockets.


@asynccontextmanager
async def serving(options: ServerOptions, near: tuple[Prefix, ...]) -> AsyncGenerator[DNSServer]:
    view, snapshot = View(), a_headless_zone(ENDPOINTS)
    view.reset(snapshot, history=(), compacted=snapshot.revision)
    server = DNSServer(view, ProtocolConfig(zone=ZONE, near=near), options)
    await server.start(HOST, 0)
    try:
        yield server
    finally:
        await server.close()


def a_query(name: str) -> dns.message.Message:
    query = dns.message.make_query(name, "A")
    query.use_edns(0, payload=1232)
    return query


async def replies_to(query: dns.message.Message, port: int, count: int) -> list[bytes]:
    """Send a question several times from one socket, and return all replies."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as line:
        line.connect((HOST, port))
        for _ in range(count):
            await loop.sock_sendall(line, query.to_wire())
        # The last question is never over the limit, so its answer marks the end.
        await loop.sock_sendall(line, dns.message.make_query("version.bind", "TXT", "CH").to_wire())
        found: list[bytes] = []
        async with asyncio.timeout(WAIT_S):
            while b"version" not in (reply := await loop.sock_recv(line, 4096)):
                found.append(reply)
        return found


@pytest.mark.parametrize("is_known", [False, True])
async def test_over_the_limit_clients_get_a_truncated_reply_or_none(*, is_known: bool) -> None:
    async with serving(ServerOptions(rate_limit_per_s=1), near=()) as server:
        query = a_query(LARGE)
        if is_known:  # so that the reply is cached by the octets
            assert (await dns.asyncquery.tcp(query, HOST, WAIT_S, server.port)).answer
            await replies_to(query, server.port, 2)
            assert query.to_wire()[2:] in server.protocol.answers.by_wire
        replies = await replies_to(query, server.port, 8)
        assert len(replies) == 4
        for reply in map(dns.message.from_wire, replies):
            assert reply.flags & dns.flags.TC
            assert (reply.id, reply.question, reply.answer) == (query.id, query.question, [])
        assert max(map(len, replies)) <= len(query.to_wire())
        whole = await dns.asyncquery.tcp(query, HOST, WAIT_S, server.port)
        assert sum(map(len, whole.answer)) == ENDPOINTS
        assert server.stats().counts[Count.LIMITED] == (10 if is_known else 8)


async def test_upstream_answers_are_limited_too() -> None:
    def answer(asked: Asked) -> bytes:
        reply = dns.message.make_response(asked.message)
        name = asked.message.question[0].name
        data = [f"192.0.2.{number}" for number in range(ENDPOINTS)]
        reply.answer.append(dns.rrset.from_text(name, 60, "IN", "A", *data))
        return reply.to_wire()

    async with upstream_server(answer) as upstream:
        options = ServerOptions(upstreams=(upstream.server,), rate_limit_per_s=1)
        async with serving(options, near=()) as server:
            query = a_query("www.example.com")
            lines = [dns.asyncquery.udp(query, HOST, 1.0, server.port) for _ in range(4)]
            replies = await asyncio.gather(*lines, return_exceptions=True)
            replies = [each for each in replies if isinstance(each, dns.message.Message)]
            assert len(replies) == 2
            assert all(reply.flags & dns.flags.TC for reply in replies)


async def test_loopback_clients_get_all_answers_over_sockets() -> None:
    options = ServerOptions(rate_limit_per_s=1)
    async with serving(options, near=LOOPBACK) as server:
        sent = await replies_to(a_query(LARGE), server.port, 50)
        assert len(sent) == 50
        assert min(map(len, sent)) > 1000
    # On a wildcard address there are also other clients, replies apart by their addresses.
    options = ServerOptions(rate_limit_per_s=1)
    for near, count in (((ip_network("127.0.0.0/8"),), 50), ((ip_network("10.0.0.0/8"),), 25)):
        view, snapshot = View(), a_headless_zone(ENDPOINTS)
        view.reset(snapshot, history=(), compacted=snapshot.revision)
        server = DNSServer(view, ProtocolConfig(zone=ZONE, near=near), options)
        await server.start("0.0.0.0", 0)  # noqa: S104  the point of the test
        assert len(await replies_to(a_query(LARGE), server.port, 50)) == count
        await server.close()


@pytest.mark.parametrize(
    ("host", "client", "network"),
    [
        ("127.0.0.1", "127.0.0.1", IPv4Address("127.0.0.9")),
        ("::1", "::1", IPv6Address("::1")),
        ("::", "::1", IPv6Address("::1")),
        ("::", "127.0.0.1", IPv4Address("127.0.0.9")),
    ],
)
async def test_cached_replies_are_counted_for_the_network_of_the_client(
    host: str, client: str, network: Address
) -> None:
    try:
        bound = bind(host, 0)
    except OSError:
        pytest.skip("there is no IPv6 on this machine")
    accounts = Accounts()
    endless = Window(length_s=inf)
    limit = RateLimit(10, accounts, lambda message: message, near=(), window=endless)
    query = dns.message.make_query(parse_domain(LARGE).labels[0], "A").to_wire()
    account, counter, reply = accounts.of(1, 0), [0], query[2:]

    def respond(_message: bytes, _peer: Peer) -> None:
        return None

    datagrams = Datagrams(
        bound.udp,
        {query[2:]: (reply, counter, account)},
        respond,
        Durations(),
        limit,
    )
    family = socket.AF_INET6 if ":" in client else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as line:
        for _ in range(3):
            line.sendto(query, (client, bound.port))
        datagrams.drain()
        assert counter == [3]
        assert account == {network_of(network): 3 * len(query)}
    bound.close()


# Near clients, and the largest datagram for each client.

NEAR, FAR = ip_address("127.0.0.1"), ip_address("192.0.2.7")
MANY = 150  # their addresses take more than UDP_BYTES_SAFE and less than UDP_BYTES_MAX
EVERYWHERE = ["0.0.0.0", "::"]  # noqa: S104  compared with, not bound to
ANY = ip_address(EVERYWHERE[0])
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
    assert [clients.has_near(client) for client in (NEAR, FAR, None)] == [are_near] * 3


@pytest.mark.parametrize("at", [None, *EVERYWHERE])
def test_at_a_wildcard_address_a_client_without_address_is_not_near(at: str | None) -> None:
    clients = Clients(at=None if at is None else ip_address(at))
    assert not clients.are_alike
    assert not clients.has_near(None)


def offering(offer: int) -> bytes:
    query = dns.message.make_query(LARGE, "A", id=0)
    query.use_edns(0, payload=offer)
    return query.to_wire()


def a_large_protocol(udp_bytes_max: int = UDP_BYTES_SAFE) -> Protocol:
    config = ProtocolConfig(zone=ZONE, udp_bytes_max=udp_bytes_max)
    return Protocol(FixedSource(a_headless_zone(MANY)), config)


@pytest.mark.parametrize("offer", OFFERS)
@pytest.mark.parametrize("udp_bytes_max", [512, UDP_BYTES_SAFE, UDP_BYTES_MAX])
def test_only_near_clients_get_datagrams_above_the_setting(udp_bytes_max: int, offer: int) -> None:
    protocol = a_large_protocol(udp_bytes_max)
    for client, size_max in ((NEAR, UDP_BYTES_MAX), (FAR, udp_bytes_max), (None, udp_bytes_max)):
        for _ in range(2):
            reply = protocol.respond(offering(offer), Transport.UDP, client)
            assert isinstance(reply, bytes)
            message = dns.message.from_wire(reply)
            assert len(reply) <= min(offer, size_max)
            is_whole = sum(map(len, message.answer)) == MANY
            assert is_whole == (not message.flags & dns.flags.TC)
            assert is_whole == (min(offer, size_max) > 2_500)
    over_tcp = protocol.respond(offering(offer), Transport.TCP, FAR)
    assert isinstance(over_tcp, bytes)
    assert len(over_tcp) > 2_400


def test_only_replies_that_are_equal_for_all_clients_are_cached() -> None:
    protocol = a_large_protocol()
    protocol.serve_at(ANY)
    known = protocol.answers.by_wire
    small = dns.message.make_query("w-1.big.default.svc.cluster.local", "A", id=0)
    small.use_edns(0, payload=4096)
    for client in (NEAR, FAR):
        protocol.respond(small.to_wire(), Transport.UDP, client)
        assert small.to_wire()[2:] in known
        known.clear()
        for offer in OFFERS[:4]:
            protocol.respond(offering(offer), Transport.UDP, client)
        kept = [offering(offer)[2:] in known for offer in OFFERS[:4]]
        assert kept == [True, True, False, False]
        known.clear()


@pytest.mark.parametrize(("at", "is_whole"), [("127.0.0.1", True), ("192.0.2.1", False)])
def test_where_all_clients_are_alike_all_usual_replies_are_cached(
    at: str, *, is_whole: bool
) -> None:
    protocol = a_large_protocol()
    protocol.serve_at(ip_address(at))
    protocol.respond(offering(4096), Transport.UDP, FAR)
    reply, _, _ = protocol.answers.by_wire[offering(4096)[2:]]
    assert not isinstance(reply, bytes)
    assert (len(reply.octets()) > UDP_BYTES_SAFE) is is_whole


async def test_the_same_octets_get_replies_by_the_limit_of_each_client() -> None:
    view, snapshot = View(), a_headless_zone(MANY)
    view.reset(snapshot, history=(), compacted=snapshot.revision)
    # The loopback interface has a whole network of addresses; half of it counts as not near.
    config = ProtocolConfig(zone=ZONE, near=(ip_network("127.128.0.0/9"),))
    server = DNSServer(view, config, ServerOptions())
    await server.start("0.0.0.0", 0)  # noqa: S104  the point of the test
    query = dns.message.from_wire(offering(4096))
    for source, is_whole in 3 * [("127.128.0.1", True), ("127.0.0.1", False)]:
        reply = await dns.asyncquery.udp(query, "127.0.0.1", WAIT_S, server.port, source=source)
        assert (len(reply.to_wire()) > UDP_BYTES_SAFE) is is_whole
        assert (not reply.flags & dns.flags.TC) is is_whole
    await server.close()
