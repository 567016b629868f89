"""Forwarding: cached, denied, stale and forged answers, against fake upstream servers."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_address

import dns.asyncquery
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from app.dns.answering.protocol import ProtocolConfig
from app.dns.counters import Count
from app.dns.serving.server import DNSServer, ServerOptions
from app.dns.upstream.cache import Cache
from app.dns.upstream.exchange import Upstream
from app.dns.upstream.forwarder import Forwarder
from app.dns.upstream.lookup import look_up
from app.dns.upstream.server_list import Server
from app.domain.discovery.resolvers.lookup import Rcode
from app.domain.discovery.zone.config import ZoneConfig
from app.domain.names import parse_domain
from app.registry.reads.view import View
from tests.dns.client import data_of
from tests.dns.serving.test_server import WILDCARDS
from tests.dns.upstream_server import UDP, Asked, upstream_server
from tests.dns_vectors import snapshot_of

HOST = "127.0.0.1"
ZONE = ZoneConfig(zones=(parse_domain("cluster.local"),))
OPTIONS = ServerOptions()
WAIT_S = 8.0
ALIAS = "extmissing.edge.svc.cluster.local"
FAILURES = [dns.rcode.SERVFAIL, dns.rcode.REFUSED, dns.rcode.FORMERR, dns.rcode.NOTIMP]

Answer = Callable[[dns.message.Message], "list[bytes]"]


class FakeUpstream(asyncio.DatagramProtocol):
    """A fake upstream server with answers chosen by the test."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[dns.message.Message] = []

    transport: asyncio.DatagramTransport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        if not query.question[0].name.to_text().endswith("loop.waypost.invalid."):
            self.asked.append(query)
        for reply in self.answer(query):
            self.transport.sendto(reply, addr)


def addresses(*data: str, ttl_s: int = 60, type_: str = "A") -> Answer:
    def answer(query: dns.message.Message) -> list[bytes]:
        reply = dns.message.make_response(query)
        name = query.question[0].name
        reply.answer.append(dns.rrset.from_text(name, ttl_s, "IN", type_, *data))
        return [reply.to_wire()]

    return answer


def denial(rcode: dns.rcode.Rcode, minimum_s: int = 60) -> Answer:
    def answer(query: dns.message.Message) -> list[bytes]:
        reply = dns.message.make_response(query)
        reply.set_rcode(rcode)
        soa = f"ns.test. host.test. 1 2 3 4 {minimum_s}"
        reply.authority.append(dns.rrset.from_text("test.", 900, "IN", "SOA", soa))
        return [reply.to_wire()]

    return answer


def failure(rcode: dns.rcode.Rcode) -> Answer:
    def answer(query: dns.message.Message) -> list[bytes]:
        reply = dns.message.make_response(query)
        reply.set_rcode(rcode)
        return [reply.to_wire()]

    return answer


def silence(_query: dns.message.Message) -> list[bytes]:
    return []


@asynccontextmanager
async def forwarding(
    answer: Answer, options: ServerOptions = OPTIONS, *, host: str = HOST
) -> AsyncGenerator[tuple[DNSServer, FakeUpstream]]:
    loop = asyncio.get_running_loop()
    transport, upstream = await loop.create_datagram_endpoint(
        lambda: FakeUpstream(answer), local_addr=(HOST, 0)
    )
    upstream.transport = transport
    port = transport.get_extra_info("sockname")[1]
    view = View()
    view.reset(snapshot_of("edge"), history=(), compacted=snapshot_of("edge").revision)
    options = replace(options, upstreams=(Server(ip_address(HOST), port),))
    server = DNSServer(view, ProtocolConfig(zone=ZONE), options)
    await server.start(host, 0)
    try:
        yield server, upstream
    finally:
        await server.close()
        transport.close()
        await asyncio.sleep(0)


async def ask(
    server: DNSServer, name: str, type_: str = "A", *, tcp: bool = False
) -> dns.message.Message:
    query = dns.message.make_query(name, type_)
    send = dns.asyncquery.tcp if tcp else dns.asyncquery.udp
    return await send(query, HOST, WAIT_S, server.port)


@pytest.mark.parametrize("host", WILDCARDS)
async def test_a_late_reply_leaves_from_the_address_of_the_request(host: str) -> None:
    async with forwarding(addresses("192.0.2.1"), host=host) as (server, _):
        query = dns.message.make_query("www.example.com", "A")
        for target in ("::1",) if ":" in host else ("127.0.0.1", "127.0.0.2"):
            reply = await dns.asyncquery.udp(query, target, WAIT_S, server.port)
            assert data_of(reply.answer) == ["192.0.2.1"]


@pytest.mark.parametrize("tcp", [False, True])
async def test_an_upstream_name_is_asked_once_and_cached_for_its_ttl(*, tcp: bool) -> None:
    async with forwarding(addresses("192.0.2.1", "192.0.2.2")) as (server, upstream):
        for name in ("www.example.com", "WWW.example.COM"):
            reply = await ask(server, name, tcp=tcp)
            assert sorted(data_of(reply.answer)) == ["192.0.2.1", "192.0.2.2"]
            assert reply.question[0].name.to_text() == f"{name}."
            assert reply.flags & dns.flags.RA
            assert not reply.flags & dns.flags.AA
        assert len(upstream.asked) == 1
        assert reply.answer[0].ttl <= 60


async def test_equal_concurrent_questions_share_one_upstream_question() -> None:
    async with forwarding(addresses("192.0.2.1")) as (server, upstream):
        replies = await asyncio.gather(*(ask(server, "www.example.com") for _ in range(20)))
        assert all(data_of(reply.answer) == ["192.0.2.1"] for reply in replies)
        assert len(upstream.asked) == 1


async def test_a_record_with_ttl_zero_is_not_cached() -> None:
    async with forwarding(addresses("192.0.2.1", ttl_s=0)) as (server, upstream):
        for _ in range(2):
            assert data_of((await ask(server, "www.example.com")).answer)
        assert len(upstream.asked) == 2


@pytest.mark.parametrize("rcode", [dns.rcode.NXDOMAIN, dns.rcode.NOERROR])
async def test_denials_are_cached_too(rcode: dns.rcode.Rcode) -> None:
    async with forwarding(denial(rcode)) as (server, upstream):
        for _ in range(2):
            reply = await ask(server, "nope.example.com")
            assert (reply.rcode(), len(reply.authority)) == (rcode, 1)
        assert len(upstream.asked) == 1


async def test_forged_replies_are_ignored() -> None:
    def forged(query: dns.message.Message) -> list[bytes]:
        wrong_id = dns.message.make_response(query)
        wrong_id.id = query.id ^ 1
        other = dns.message.make_query("www.evil.test", "A", id=query.id)
        wrong_question = dns.message.make_response(other)
        for reply in (wrong_id, wrong_question):
            name = reply.question[0].name
            reply.answer.append(dns.rrset.from_text(name, 60, "IN", "A", "203.0.113.66"))
        broken = query.to_wire()[:2] + b"\x81\x80\0\1\xff\xff\0\0\0\0" + query.to_wire()[12:-11]
        return [
            wrong_id.to_wire(),
            wrong_question.to_wire(),
            query.to_wire(),
            b"",
            b"\0",
            broken,
            *addresses("192.0.2.1")(query),
        ]

    async with forwarding(forged) as (server, _):
        assert data_of((await ask(server, "www.example.com")).answer) == ["192.0.2.1"]
        assert server.forwarder.upstream.counts[Count.UPSTREAM_MISMATCHES] >= 6


async def test_an_answer_from_another_address_is_ignored() -> None:
    async with forwarding(silence) as (server, upstream):
        server.forwarder.upstream = Upstream(server.forwarder.upstream.servers, attempt_s=0.2)
        spoofer, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            asyncio.DatagramProtocol, local_addr=(HOST, 0)
        )
        upstream.transport, upstream.answer = spoofer, addresses("203.0.113.66")
        reply = await ask(server, "www.example.com")
        assert upstream.asked
        assert reply.rcode() == dns.rcode.SERVFAIL
        spoofer.close()


async def test_stale_answers_are_used_when_no_upstream_answers() -> None:
    async with forwarding(addresses("192.0.2.1", ttl_s=1)) as (server, upstream):
        impatient = Upstream(server.forwarder.upstream.servers, attempt_s=0.2)
        server.forwarder = Forwarder(server.protocol, impatient, Cache(), stale_after_s=0.1)
        await ask(server, "www.example.com")
        upstream.answer = silence
        await asyncio.sleep(1.1)
        reply = await ask(server, "www.example.com")
        assert data_of(reply.answer) == ["192.0.2.1"]
        assert reply.answer[0].ttl == 30
        assert server.forwarder.cache.counts[Count.CACHE_STALE] == 1
        reply = await ask(server, "other.example.com")
        assert reply.rcode() == dns.rcode.SERVFAIL


async def test_a_probe_that_comes_back_ends_forwarding() -> None:
    own_port = 0

    def sent_back(query: dns.message.Message) -> list[bytes]:
        line = asyncio.get_running_loop().create_task(
            dns.asyncquery.udp(query, HOST, WAIT_S, own_port)
        )
        waiting.append(line)
        return []

    waiting: list[asyncio.Task[dns.message.Message]] = []
    async with forwarding(sent_back) as (server, _):
        own_port = server.port
        while not server.forwarder.is_looping:  # noqa: ASYNC110  polled by a test alone
            await asyncio.sleep(0.01)
        reply = await ask(server, "www.example.com")
        assert reply.rcode() == dns.rcode.REFUSED
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_the_answer_of_its_target_is_appended_to_an_alias() -> None:
    async with forwarding(addresses("192.0.2.1")) as (server, _):
        reply = await ask(server, ALIAS)
        assert data_of(reply.answer) == ["gone.example.test.", "192.0.2.1"]
        assert reply.answer[1].name.to_text() == "gone.example.test."
        assert reply.flags & dns.flags.AA


@pytest.mark.parametrize("rcode", [dns.rcode.NXDOMAIN, dns.rcode.NOERROR])
async def test_an_alias_comes_before_the_denial_of_its_target(rcode: dns.rcode.Rcode) -> None:
    async with forwarding(denial(rcode)) as (server, _):
        reply = await ask(server, ALIAS)
        assert reply.rcode() == rcode
        assert data_of(reply.answer) == ["gone.example.test."]
        assert [rrset.rdtype for rrset in reply.authority] == [dns.rdatatype.SOA]


@pytest.mark.parametrize("type_", ["A", "AAAA", "TXT", "MX", "HTTPS", "SRV"])
@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize("rcode", [None, *FAILURES])
async def test_an_alias_is_sent_and_not_denied_when_its_target_fails(
    rcode: dns.rcode.Rcode | None, type_: str, *, tcp: bool
) -> None:
    answer = silence if rcode is None else failure(rcode)
    async with forwarding(answer) as (server, _):
        server.forwarder.upstream = Upstream(server.forwarder.upstream.servers, attempt_s=0.05)
        reply = await ask(server, ALIAS, type_, tcp=tcp)
        # RFC 6604 section 3: the rcode is that of the last name of the chain; clients then retry.
        assert reply.rcode() == dns.rcode.SERVFAIL
        assert data_of(reply.answer) == ["gone.example.test."]
        assert (reply.authority, reply.additional) == ([], [])
        assert reply.flags & (dns.flags.AA | dns.flags.RA) == dns.flags.AA | dns.flags.RA


async def test_an_alias_is_sent_alone_without_recursion_desired() -> None:
    async with forwarding(addresses("192.0.2.1")) as (server, upstream):
        query = dns.message.make_query(ALIAS, "A", flags=0)
        reply = await dns.asyncquery.udp(query, HOST, WAIT_S, server.port)
        assert reply.rcode() == dns.rcode.NOERROR
        assert data_of(reply.answer) == ["gone.example.test."]
        assert (reply.authority, upstream.asked) == ([], [])
        query = dns.message.make_query("www.example.com", "A", flags=0)
        reply = await dns.asyncquery.udp(query, HOST, WAIT_S, server.port)
        assert reply.rcode() == dns.rcode.REFUSED


async def test_an_alias_is_sent_despite_a_forwarding_loop() -> None:
    async with forwarding(addresses("192.0.2.1")) as (server, _):
        server.forwarder.is_looping = True
        reply = await ask(server, ALIAS)
        assert (reply.rcode(), reply.authority) == (dns.rcode.SERVFAIL, [])
        assert data_of(reply.answer) == ["gone.example.test."]


async def test_an_alias_is_sent_when_too_many_upstream_questions_are_pending() -> None:
    async with forwarding(silence) as (server, _):
        servers = server.forwarder.upstream.servers
        server.forwarder.upstream = Upstream(servers, pending_max=0)
        reply = await ask(server, ALIAS)
        assert (reply.rcode(), reply.authority) == (dns.rcode.SERVFAIL, [])
        assert data_of(reply.answer) == ["gone.example.test."]
        assert (await ask(server, "www.example.com")).rcode() == dns.rcode.REFUSED


async def test_an_alias_is_sent_when_too_many_clients_wait() -> None:
    options = ServerOptions(waiting_max=0)
    async with forwarding(addresses("192.0.2.1"), options) as (server, _):
        reply = await ask(server, ALIAS)
        assert (reply.rcode(), reply.authority) == (dns.rcode.SERVFAIL, [])
        assert data_of(reply.answer) == ["gone.example.test."]
        assert (await ask(server, "www.example.com")).rcode() == dns.rcode.SERVFAIL


async def test_an_answer_with_only_an_alias_is_asked_again() -> None:
    def alias_first(query: dns.message.Message) -> list[bytes]:
        reply = dns.message.make_response(query)
        name = query.question[0].name
        reply.answer.append(dns.rrset.from_text(name, 300, "IN", "CNAME", "a.test."))
        if len(upstream.asked) > 1:
            reply.answer.append(dns.rrset.from_text("a.test.", 300, "IN", "A", "192.0.2.81"))
        return [reply.to_wire()]

    async with forwarding(alias_first) as (server, upstream):
        assert data_of((await ask(server, "www.example.com")).answer) == ["a.test."]
        for _ in range(2):
            reply = await ask(server, "www.example.com")
            assert data_of(reply.answer) == ["a.test.", "192.0.2.81"]
        assert len(upstream.asked) == 2


@pytest.mark.parametrize("has_answer", [False, True])
@pytest.mark.parametrize("tcp", [False, True])
async def test_an_answer_truncated_over_tcp_is_a_failure_and_no_denial(
    *, tcp: bool, has_answer: bool
) -> None:
    def answer(asked: Asked) -> bytes:
        reply = dns.message.make_response(asked.message)
        reply.flags |= dns.flags.TC
        if has_answer:
            name = asked.message.question[0].name
            reply.answer.append(dns.rrset.from_text(name, 60, "IN", "A", "192.0.2.1"))
        return reply.to_wire()

    async with upstream_server(answer) as running, forwarding(silence) as (server, _):
        server.forwarder.upstream = Upstream([running.server])
        reply = await ask(server, "www.example.com", tcp=tcp)
        assert (reply.rcode(), reply.answer) == (dns.rcode.SERVFAIL, [])
        assert not reply.flags & dns.flags.TC
        reply = await ask(server, ALIAS, tcp=tcp)
        # RFC 6604 section 3: the alias is sent, and the rcode says that its target failed.
        assert reply.rcode() == dns.rcode.SERVFAIL
        assert data_of(reply.answer) == ["gone.example.test."]
        assert server.forwarder.cache.sizes == (0, 0)
        told = await look_up(server.forwarder, parse_domain("www.example.com"), "A")
        assert told.rcode is Rcode.SERVFAIL


async def test_an_oversized_answer_is_a_failure_and_not_cached() -> None:
    def answer(asked: Asked) -> bytes:
        if asked.transport == UDP:
            reply = dns.message.make_response(asked.message)
            reply.flags |= dns.flags.TC
            return reply.to_wire()
        query = asked.message.to_wire()
        stop = query.index(b"\0\0\1\0\1", 12) + 5
        header = query[:2] + b"\x81\x80\0\1" + (5_000).to_bytes(2) + bytes(4)
        return header + query[12:stop] + 5_000 * (b"\0\0\1\0\1" + bytes(6))

    async with upstream_server(answer) as running, forwarding(silence) as (server, _):
        server.forwarder.upstream = Upstream([running.server])
        assert (await ask(server, "www.example.com")).rcode() == dns.rcode.SERVFAIL
        assert server.forwarder.cache.sizes == (0, 0)
