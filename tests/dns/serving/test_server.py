"""The server over real sockets: every published case over UDP and TCP, and hostile clients."""

import asyncio
import resource
import socket
import struct
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from itertools import groupby
from typing import Any

import dns.asyncquery
import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import pytest

from app.dns.answering.protocol import ProtocolConfig
from app.dns.serving.server import DNSServer, ServerOptions
from app.dns.serving.tcp import CONNECTIONS_MAX, LIMITS, Limits
from app.domain.changes import Change
from app.domain.discovery.zone.config import ZoneConfig
from app.domain.names import Revision, parse_domain
from app.domain.objects.endpoint_slice import EndpointSlice
from app.domain.snapshot import Snapshot, load
from app.registry.reads.view import View
from tests.builders import a_headless_service, a_namespace, an_endpoint, an_endpoint_slice
from tests.dns.client import data_of, rows
from tests.dns_vectors import LEFT_OUT, RFC_WINS, VECTORS, config_of, matches, snapshot_of

HOST = "127.0.0.1"
ZONE = ZoneConfig(zones=(parse_domain("cluster.local"),))
WAIT_S = 5.0
HALF_OPEN = 10_000
OTHER_FILES = 1_500  # the clients' ends of the open connections, and other files of the process

NEEDS_UPSTREAM = {
    "edge/kubernetes/067": "the target of the alias is forwarded, see test_forwarder",
}
server_cases = [
    case
    for case in VECTORS["cases"]
    if case["id"] not in {*LEFT_OUT, *RFC_WINS, *NEEDS_UPSTREAM}
    and case["rcode"] != "FALLTHROUGH"
    and case["id"]
    != "edge/server/002"  # this server answers class CH, as CoreDNS with its chaos plugin
]
by_setting = [
    list(group)
    for _, group in groupby(
        sorted(server_cases, key=lambda case: (case["fixture"], str(case["config"]))),
        key=lambda case: (case["fixture"], str(case["config"])),
    )
]


def a_view(snapshot: Snapshot) -> View:
    view = View()
    view.reset(snapshot, history=(), compacted=snapshot.revision)
    return view


@asynccontextmanager
async def serving(
    view: View, config: ProtocolConfig, host: str = HOST, *, limits: Limits = LIMITS
) -> AsyncGenerator[DNSServer]:
    server = DNSServer(view, config, ServerOptions(tcp=limits))
    await server.start(host, 0)
    try:
        yield server
    finally:
        await server.close()


@pytest.mark.parametrize("cases", by_setting, ids=lambda cases: f"{cases[0]['id']}+{len(cases)}")
async def test_the_server_answers_as_published(cases: list[Mapping[str, Any]]) -> None:
    first = cases[0]
    view = a_view(snapshot_of(first["fixture"]))
    config = ProtocolConfig(zone=config_of(first))
    async with serving(view, config) as server:
        for case in cases:
            class_ = dns.rdataclass.from_text(case.get("qclass", "IN"))
            query = dns.message.make_query(case["qname"], case["qtype"], class_)
            query.use_edns(0, payload=4096)
            for ask in (dns.asyncquery.udp, dns.asyncquery.tcp):
                reply = await ask(query, HOST, WAIT_S, server.port)
                assert _is_like(reply, case), (case["id"], reply.to_text())


def _is_like(reply: dns.message.Message, case: Mapping[str, Any]) -> bool:
    sections = {
        "answer": reply.answer,
        "authority": reply.authority,
        "additional": reply.additional,
    }
    if case.get("additional_optional") or reply.flags & dns.flags.TC:
        del sections["additional"]
    if reply.flags & dns.flags.TC:
        del sections["answer"]
    rcode = dns.rcode.to_text(reply.rcode())
    return (
        rcode in (case["rcode"], *case.get("rcode_alternatives", ()))
        and bool(reply.flags & dns.flags.AA) == case["flags"]["aa"]
        and all(matches(rows(section), case[name]) for name, section in sections.items())
    )


async def test_many_questions_share_one_connection() -> None:
    async with serving(a_view(snapshot_of("edge")), ProtocolConfig(zone=ZONE)) as server:
        reader, writer = await asyncio.open_connection(HOST, server.port)
        for number in range(200):
            query = dns.message.make_query("multi.edge.svc.cluster.local", "A", id=number).to_wire()
            writer.write(struct.pack("!H", len(query)) + query)
        replies = [await read_message(reader) for _ in range(200)]
        assert {reply.id for reply in replies} == set(range(200))
        assert all(data_of(reply.answer) == ["10.50.0.2"] for reply in replies)
        await end(writer)


async def read_message(reader: asyncio.StreamReader) -> dns.message.Message:
    (size,) = struct.unpack("!H", await reader.readexactly(2))
    return dns.message.from_wire(await reader.readexactly(size))


async def end(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def test_a_slow_message_is_accepted_until_its_deadline() -> None:
    view, limits = a_view(snapshot_of("edge")), Limits(message_s=0.3)
    async with serving(view, ProtocolConfig(zone=ZONE), limits=limits) as server:
        query = dns.message.make_query("multi.edge.svc.cluster.local", "A").to_wire()
        reader, writer = await asyncio.open_connection(HOST, server.port)
        for octet in struct.pack("!H", len(query)) + query:
            writer.write(bytes((octet,)))
            await asyncio.sleep(0)
        assert (await read_message(reader)).answer
        writer.write(b"\0")
        assert await asyncio.wait_for(reader.read(), WAIT_S) == b""
        await end(writer)


async def test_the_longest_idle_connection_is_closed_for_a_new_one() -> None:
    view, limits = a_view(snapshot_of("edge")), Limits(connections_max=20)
    async with serving(view, ProtocolConfig(zone=ZONE), limits=limits) as server:
        idle = [await asyncio.open_connection(HOST, server.port) for _ in range(60)]
        query = dns.message.make_query("multi.edge.svc.cluster.local", "A")
        reply = await dns.asyncquery.tcp(query, HOST, WAIT_S, server.port)
        assert data_of(reply.answer) == ["10.50.0.2"]
        assert len(server.connections) <= 20
        assert server.connections.shed >= 40
        for _, writer in idle:
            await end(writer)


async def test_ten_thousand_half_open_connections_do_not_block_an_answer() -> None:
    open_ = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_[1], open_[1]))
    count = min(HALF_OPEN, open_[1] - OTHER_FILES)
    query = dns.message.make_query("multi.edge.svc.cluster.local", "A")
    loop, halves = asyncio.get_running_loop(), list[socket.socket]()

    async def begin(number: int) -> None:
        half = socket.socket()
        half.settimeout(0)
        halves.append(half)
        await loop.sock_connect(half, (HOST, server.port))
        with suppress(ConnectionError):  # closed to make room for others
            await loop.sock_sendall(half, b"\0\x40\7"[: number % 4])

    async with serving(a_view(snapshot_of("edge")), ProtocolConfig(zone=ZONE)) as server:
        try:
            for start in range(0, count, 500):
                await asyncio.gather(*map(begin, range(start, min(count, start + 500))))
                for ask in (dns.asyncquery.udp, dns.asyncquery.tcp):
                    reply = await ask(query, HOST, WAIT_S, server.port)
                    assert data_of(reply.answer) == ["10.50.0.2"]
            assert len(server.connections) <= CONNECTIONS_MAX
            assert server.failures == 0
        finally:
            for half in halves:
                half.close()
            resource.setrlimit(resource.RLIMIT_NOFILE, open_)


async def test_a_commit_is_visible_in_the_next_answer() -> None:
    service = a_headless_service("web")

    def slice_at(number: int) -> EndpointSlice:
        return an_endpoint_slice(an_endpoint(f"10.244.0.{number}"))

    view = a_view(load([a_namespace(), service, slice_at(1)], revision=Revision(1)))
    query = dns.message.make_query("web.default.svc.cluster.local", "A")
    async with serving(view, ProtocolConfig(zone=ZONE)) as server:
        for number in range(1, 20):
            reply = await dns.asyncquery.udp(query, HOST, WAIT_S, server.port)
            assert data_of(reply.answer) == [f"10.244.0.{number}"]
            change = Change(
                revision=Revision(number + 1), before=slice_at(number), after=slice_at(number + 1)
            )
            view.advance([change])


def has_ipv6() -> bool:
    """Whether this machine has IPv6 on its loopback; many containers do not."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return False
        return True


IPV6 = pytest.mark.skipif(not has_ipv6(), reason="there is no IPv6 on this machine")


WILDCARDS = ["0.0.0.0", pytest.param("::", marks=IPV6)]  # noqa: S104  the point of the tests


@pytest.mark.parametrize("host", [*WILDCARDS, pytest.param("::1", marks=IPV6)])
async def test_a_reply_leaves_from_the_address_of_the_request(host: str) -> None:
    async with serving(a_view(snapshot_of("edge")), ProtocolConfig(zone=ZONE), host) as server:
        query = dns.message.make_query("multi.edge.svc.cluster.local", "A")
        for target in ("::1",) if ":" in host else ("127.0.0.1", "127.0.0.2"):
            reply = await dns.asyncquery.udp(query, target, WAIT_S, server.port)
            assert data_of(reply.answer) == ["10.50.0.2"]


async def test_noise_gets_no_reply_and_does_no_harm() -> None:
    async with serving(a_view(snapshot_of("edge")), ProtocolConfig(zone=ZONE)) as server:
        loop = asyncio.get_running_loop()
        noise, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, remote_addr=(HOST, server.port)
        )
        for size in (0, 1, 2, 11, 12, 600, 5000):
            noise.sendto(bytes(size))
            noise.sendto(b"\xff" * size)
        query = dns.message.make_query("multi.edge.svc.cluster.local", "A")
        reply = await dns.asyncquery.udp(query, HOST, WAIT_S, server.port)
        assert data_of(reply.answer) == ["10.50.0.2"]
        assert server.failures == 0
        noise.close()
