"""Zone transfers: whole zones, deltas, and NOTIFY."""

import asyncio
import struct
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import Any

import dns.asyncquery
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.dns.answering.protocol import ProtocolConfig, Transfer
from app.dns.messages.message import Request, Transport, parse_request
from app.dns.serving.secondaries import TRANSFERS_MAX, Notifier, revision_of, transfer_messages
from app.dns.serving.server import DNSServer, ServerOptions
from app.dns.upstream.server_list import Server
from app.domain.addresses import Prefix, parse_prefix
from app.domain.changes import Change
from app.domain.discovery.zone import authority
from app.domain.discovery.zone.answer import answer
from app.domain.discovery.zone.config import ZoneConfig, cluster_config
from app.domain.discovery.zone.records import Question, Records, RecordType
from app.domain.errors import Expired
from app.domain.names import Revision, parse_domain
from app.domain.objects.resource import Object
from app.domain.snapshot import Snapshot, load
from app.registry.reads.view import View
from tests.builders import a_namespace, a_service, an_alias, an_endpoint, an_endpoint_slice
from tests.dns_vectors import VECTORS, config_of, row_of, snapshot_of
from tests.strategies import NAMESPACES, named_histories

HOST = "127.0.0.1"
WAIT_S = 5.0
Line = tuple[str, str, str]  # owner, type, data
Heard = asyncio.Queue[tuple[bytes, tuple[str, int]]]


def prefix(text: str) -> Prefix:
    found = parse_prefix(text)
    assert found is not None
    return found


ZONE = cluster_config("cluster.local", [prefix("10.96.0.0/16")])
ALLOWED = ProtocolConfig(zone=ZONE, transfers_to=(prefix("127.0.0.0/8"),))


def transferred(
    snapshot: Snapshot,
    name: str = "cluster.local",
    config: ZoneConfig = ZONE,
    *,
    since: int | None = None,
    changes: Iterable[Change] | None = None,
) -> list[Line]:
    """Return every record of a transfer in the order sent."""

    def history(_since: Revision) -> tuple[Change, ...]:
        if changes is None:
            raise Expired("gone")
        return tuple(changes)

    query = dns.message.make_query(name, "AXFR" if since is None else "IXFR")
    if since is not None:
        soa = f". . {since} 0 0 0 0"
        query.authority.append(dns.rrset.from_text(f"{name}.", 0, "IN", "SOA", soa))
    request = parse_request(query.to_wire(), Transport.TCP)
    assert isinstance(request, Request)
    found: list[Line] = []
    transfer = Transfer(request, parse_domain(name))
    for message in transfer_messages(transfer, snapshot, history, config):
        reply = dns.message.from_wire(message, one_rr_per_rrset=True)
        assert reply.flags & dns.flags.AA
        lines = (rrset.to_text().split(None, 4) for rrset in reply.answer)
        found.extend((line[0], line[3], line[4]) for line in lines)
    return found


def folded(lines: Iterable[Line]) -> set[Line]:
    """Drop the case of names, which they compare without (RFC 4343).

    Compression ignores it too, so a name may have the case of an earlier one of its message.
    """
    return {(name.lower(), type_, data.lower()) for name, type_, data in lines}


def serial_of(line: Line) -> int:
    assert line[1] == "SOA", line
    return int(line[2].split()[2])


# Whole zones.

whole = [
    case
    for case in VECTORS["axfr_vectors"]
    if case["result"] == "FULL" and case["fixture"] in VECTORS["fixtures"]
]


@pytest.mark.parametrize("case", whole, ids=lambda case: case["id"])
def test_a_whole_zone_has_the_published_records(case: Mapping[str, Any]) -> None:
    """Our zone has more records: all that questions get, with the weights that questions get."""
    zone = case["zone"]
    lines = transferred(snapshot_of(case["fixture"]), zone, config_of(case))
    assert (lines[0], lines[0][1]) == (lines[-1], "SOA")
    sent = {_comparable(*line) for line in lines}
    namespaces = tuple(f".{name}.svc.{zone}" for name in case["config"]["namespaces"])
    wanted = {
        _comparable(record["name"], record["type"], record["rdata"])
        for record in case["records"]
        if record["name"] == zone or record["name"].endswith(namespaces)
    }
    assert {row for row in wanted if row[1] != "NS"} <= sent


def _comparable(name: str, type_: str, rdata: str) -> Line:
    words = rdata.split()
    if type_ == "SOA":
        words[2] = "*"
    if type_ == "SRV":
        words[1] = "*"
    return name, type_, " ".join(words)


@given(named_histories())
def test_every_transferred_record_equals_the_answer_to_its_question(history: list[Change]) -> None:
    snapshot = load(map(a_namespace, NAMESPACES), revision=Revision(0)).apply(history)
    for zone in ("cluster.local", "96.10.in-addr.arpa"):
        lines = transferred(snapshot, zone)[1:-1]
        assert len(set(lines)) == len(lines)
        sent = folded(lines)
        for name, type_ in {line[:2] for line in sent}:
            question = Question(parse_domain(name), RecordType[type_])
            outcome = answer(snapshot, question, ZONE)
            assert isinstance(outcome, Records)
            asked = {(row_of(record)[0], type_, row_of(record)[3]) for record in outcome.answers}
            assert asked == {line for line in sent if line[:2] == (name, type_)}


def test_a_large_zone_comes_in_many_messages() -> None:
    services = [a_service(f"s{number}") for number in range(2000)]
    lines = transferred(load([a_namespace(), *services], revision=Revision(1)))
    assert len(lines) == 2 + 2 + 3 * 2000
    assert lines[0] == lines[-1]


# Deltas.

# The whole zone has the Service's name as its alias spells it, the delta as it is.
SPELT_TWICE = [
    Change(revision=Revision(1), before=None, after=an_alias("s0", "S1.Shop.svc.cluster.local")),
    Change(revision=Revision(2), before=None, after=a_service("s1", "shop")),
]


@settings(deadline=None)
@example(SPELT_TWICE, 1, "cluster.local")
@given(
    named_histories(), st.integers(0, 12), st.sampled_from(["cluster.local", "96.10.in-addr.arpa"])
)
def test_a_delta_turns_the_earlier_zone_into_the_later_one(
    history: list[Change], at: int, zone: str
) -> None:
    start = load(map(a_namespace, NAMESPACES), revision=Revision(0))
    until = history[min(at, len(history)) - 1].revision if history and at else Revision(0)
    earlier = start.apply(change for change in history if change.revision <= until)
    rest = [change for change in history if change.revision > until]
    later = earlier.apply(rest)
    lines = transferred(later, zone, since=until, changes=rest)
    if not rest:
        assert len(lines) == 1
        return
    marks = [place for place, line in enumerate(lines) if line[1] == "SOA"]
    new, old, middle, last = marks
    assert (new, old, last) == (0, 1, len(lines) - 1)
    assert serial_of(lines[old]) == until
    assert {serial_of(lines[mark]) for mark in (new, middle, last)} == {later.revision}
    removed, added = folded(lines[old + 1 : middle]), folded(lines[middle + 1 : last])
    before, after = (folded(transferred(each, zone)[1:-1]) for each in (earlier, later))
    assert removed <= before
    assert (before - removed) | added == after


@pytest.mark.parametrize(
    ("serial", "current", "revision"),
    [
        (7, 7, 7),
        (5, 7, 5),
        (8, 7, None),
        (2**32 - 1, 2**32 + 3, 2**32 - 1),
        (3, 2**32 + 3, 2**32 + 3),
        (2**32 - 1, 7, None),
    ],
)
def test_serials_compare_across_the_wrap(serial: int, current: int, revision: int | None) -> None:
    assert revision_of(serial, Revision(current)) == revision


def test_a_client_that_is_current_or_too_far_behind() -> None:
    snapshot = load([a_namespace(), a_service()], revision=Revision(7))
    assert len(transferred(snapshot, since=7)) == 1
    assert len(transferred(snapshot, since=9)) == 1
    assert transferred(snapshot, since=3) == transferred(snapshot)


# Over the network.


@asynccontextmanager
async def serving(*objects: Object, **options: Any) -> AsyncGenerator[tuple[DNSServer, View]]:  # noqa: ANN401
    view = View()
    snapshot = load([a_namespace(), *objects], revision=Revision(1))
    view.reset(snapshot, history=(), compacted=Revision(1))
    server = DNSServer(view, ALLOWED, ServerOptions(**options))
    await server.start(HOST, 0)
    try:
        yield server, view
    finally:
        await server.close()


async def test_ixfr_works_over_a_real_connection() -> None:
    async with serving(a_service()) as (server, view):
        slice_ = an_endpoint_slice(an_endpoint())
        view.advance([Change(revision=Revision(2), before=None, after=slice_)])
        query = dns.message.make_query("cluster.local", "IXFR")
        soa = dns.rrset.from_text("cluster.local.", 0, "IN", "SOA", ". . 1 0 0 0 0")
        query.authority.append(soa)
        reply = await dns.asyncquery.tcp(query, HOST, WAIT_S, server.port, one_rr_per_rrset=True)
        names = [str(rrset.name) for rrset in reply.answer]
        assert names.count("10-244-0-1.web.default.svc.cluster.local.") == 2


async def test_concurrent_transfers_are_bounded() -> None:
    asked = 2 * TRANSFERS_MAX
    async with serving(a_service()) as (server, _):
        reader, writer = await asyncio.open_connection(HOST, server.port)
        query = dns.message.make_query("cluster.local", "AXFR").to_wire()
        writer.write(asked * (len(query).to_bytes(2) + query))
        rcodes: Counter[int] = Counter()
        async with asyncio.timeout(WAIT_S):
            for _ in range(asked):
                size = int.from_bytes(await reader.readexactly(2))
                rcodes[(await reader.readexactly(size))[3] & 0xF] += 1
        assert rcodes == {dns.rcode.NOERROR: TRANSFERS_MAX, dns.rcode.SERVFAIL: TRANSFERS_MAX}
        writer.close()


class Secondary(asyncio.DatagramProtocol):
    """A secondary that acknowledges nothing by itself."""

    def __init__(self) -> None:
        self.heard = Heard()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.heard.put_nowait((data, addr))


@asynccontextmanager
async def secondary() -> AsyncGenerator[tuple[Server, Heard, asyncio.DatagramTransport]]:
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        Secondary, local_addr=(HOST, 0)
    )
    peer = Server(ip_address(HOST), transport.get_extra_info("sockname")[1])
    try:
        yield peer, protocol.heard, transport
    finally:
        transport.close()


async def test_peers_are_notified_of_every_change() -> None:
    async with secondary() as (peer, heard, transport), serving(notify=(peer,)) as (_, view):
        serials = await _acknowledged(heard, transport, 2)
        assert serials == {"cluster.local.": 1, "96.10.in-addr.arpa.": 1}
        view.advance([Change(revision=Revision(2), before=None, after=a_service())])
        serials = await _acknowledged(heard, transport, 2)
        assert serials == {"cluster.local.": 2, "96.10.in-addr.arpa.": 2}


async def test_a_peer_is_notified_until_it_acknowledges() -> None:
    soas = [authority.soa(Revision(7), ZONE.zones[0], ZONE)]
    async with secondary() as (peer, heard, transport):
        notifier = Notifier((peer,), lambda: soas, interval_s=0.01, attempt_s=0.1)
        running = asyncio.create_task(notifier.run())
        async with asyncio.timeout(WAIT_S):
            first, _ = await heard.get()
            again, _ = await heard.get()
        assert first == again
        assert await _acknowledged(heard, transport, 1) == {"cluster.local.": 7}
        soas[0] = authority.soa(Revision(8), ZONE.zones[0], ZONE)
        notifier.changed()
        serials = {"cluster.local.": 7}
        async with asyncio.timeout(WAIT_S):
            while serials != {"cluster.local.": 8}:
                serials = await _acknowledged(heard, transport, 1)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def _acknowledged(
    heard: Heard, transport: asyncio.DatagramTransport, count: int
) -> dict[str, int]:
    serials: dict[str, int] = {}
    while len(serials) < count:
        async with asyncio.timeout(WAIT_S):
            octets, address = await heard.get()
        message = dns.message.from_wire(octets)
        soa = message.answer[0]
        serials[str(soa.name)] = int(soa.to_text().split()[6])
        reply = octets[:2] + struct.pack("!H", 0xA400) + octets[4:]
        transport.sendto(b"\0\0noise", address)
        transport.sendto(reply, address)
    return serials
