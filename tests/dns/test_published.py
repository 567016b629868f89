"""The other published vectors, over real sockets: octets, transfers, serials, namespaces.

vector -> octets or a question -> a running server -> what the vector expects
"""

import asyncio
import struct
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import dns.asyncquery
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.zone
import pytest

from app.dns.answering.protocol import ProtocolConfig
from app.dns.serving.sockets import answered_at
from app.domain.addresses import Prefix, parse_prefix
from app.domain.changes import Change
from app.domain.discovery.zone.config import ZoneConfig
from app.domain.names import Revision
from app.domain.objects.endpoint_slice import EndpointPort
from app.domain.objects.resource import Object
from app.domain.objects.service import ServicePort, ServiceType
from app.domain.snapshot import load
from tests.builders import a_meta, a_namespace, a_pod, a_service, an_endpoint, an_endpoint_slice
from tests.dns.answering.test_protocol import facts_of, request_of
from tests.dns.client import data_of
from tests.dns.serving.test_server import HOST, WAIT_S, ZONE, a_view, end, read_message, serving
from tests.dns_vectors import VECTORS, config_of, snapshot_of

Case = Mapping[str, Any]
PROBE = "multi.edge.svc.cluster.local"  # asked after a message that gets no reply

ALONE = "an option of CoreDNS alone"
LEFT_OUT = {
    "axfr/007": "its fixture is not published with it",
    "axfr/011": f"zonal names are {ALONE}",
    "axfr/012": f"k8s_external is {ALONE}",
    "axfr/013": f"k8s_external is {ALONE}",
    "namespace/003": f"an allow list of namespaces is {ALONE}",
    "namespace/007": f"an allow list of namespaces is {ALONE}",
    "serial/026": f"zones over several clusters are {ALONE}",
    "serial/027": f"zones over several clusters are {ALONE}",
}


def included(section: str) -> list[Case]:
    cases: list[Case] = VECTORS[section]
    return [case for case in cases if case["id"] not in LEFT_OUT]


def every(section: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", included(section), ids=lambda case: case["id"])


def prefix(text: str) -> Prefix:
    found = parse_prefix(text)
    assert found is not None
    return found


def transferring(zone: ZoneConfig) -> ProtocolConfig:
    return ProtocolConfig(zone=zone, transfers_to=(prefix("127.0.0.0/8"),))


# Octets.


spoken = [
    pytest.param(case, transport, id=f"{case['id']}-{transport}")
    for case in included("wire_vectors")
    for transport in ("udp", "tcp")
    if case["request"].get("transport", transport) == transport
]


@pytest.mark.parametrize(("case", "transport"), spoken)
async def test_wire_cases_are_answered_as_published(case: Case, transport: str) -> None:
    request, expected = request_of(case), case["expect"]
    repeated = case["request"].get("repeat", 1)
    exchange = over_udp if transport == "udp" else over_tcp
    async with serving(a_view(snapshot_of(case["fixture"])), ProtocolConfig(zone=ZONE)) as server:
        replies = await exchange(server.port, request, repeated)
    if "reply" in expected:
        assert replies == []
        return
    assert len(replies) == expected.get("replies", 1)
    for reply in replies:
        facts = facts_of(dns.message.from_wire(reply))
        assert {**facts, **expected} == facts


async def over_udp(port: int, request: bytes, repeated: int) -> list[bytes]:
    """Send a datagram, followed by a question that is always answered."""
    loop = asyncio.get_running_loop()
    heard: asyncio.Queue[bytes] = asyncio.Queue()

    class Hearing(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: object) -> None:
            heard.put_nowait(data)

    transport, _ = await loop.create_datagram_endpoint(Hearing, remote_addr=(HOST, port))
    probe = dns.message.make_query(PROBE, "A")
    for message in (*[request] * repeated, probe.to_wire()):
        transport.sendto(message)
    replies: list[bytes] = []
    async with asyncio.timeout(WAIT_S):
        while (reply := await heard.get())[:2] != struct.pack("!H", probe.id):
            replies.append(reply)
    transport.close()
    await asyncio.sleep(0)
    return replies


async def over_tcp(port: int, request: bytes, repeated: int) -> list[bytes]:
    """Send messages one after another and close: each must still be answered."""
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write((struct.pack("!H", len(request)) + request) * repeated)
    writer.write_eof()
    async with asyncio.timeout(WAIT_S):
        answered = await reader.read()
    await end(writer)
    replies: list[bytes] = []
    while answered:
        (size,) = struct.unpack_from("!H", answered)
        replies.append(answered[2 : 2 + size])
        answered = answered[2 + size :]
    return replies


@pytest.mark.parametrize("case", VECTORS["size_vectors"]["cases"], ids=lambda case: case["id"])
async def test_answers_are_truncated_as_published(case: Case) -> None:
    asked = case["request"]
    query = dns.message.make_query(case["qname"], case["qtype"])
    if asked["edns_bufsize"] is not None:
        query.use_edns(0, payload=asked["edns_bufsize"])
    config = ProtocolConfig(zone=config_of(case))
    async with serving(a_view(snapshot_of(case["fixture"])), config) as server:
        if asked["transport"] == "udp":
            (octets,) = await over_udp(server.port, query.to_wire(), 1)
        else:
            (octets,) = await over_tcp(server.port, query.to_wire(), 1)
    assert len(octets) <= case["limit"]
    reply = dns.message.from_wire(octets)
    assert bool(reply.flags & dns.flags.TC) == case["tc"]
    assert (reply.edns >= 0) == case["opt_in_reply"]
    if not case["tc"]:
        assert sum(map(len, reply.answer)) == case["full_answers"]
        assert sum(map(len, reply.additional)) == case["full_additional"]


# Transfers.


@every("axfr_vectors")
async def test_a_zone_is_transferred_as_published(case: Case) -> None:
    """Our zone has more records: all that questions get, with the weights that questions get."""
    snapshot, config = snapshot_of(case["fixture"]), transferring(config_of(case))
    async with serving(a_view(snapshot), config) as server:
        if case["result"] == "NOT_AUTHORITATIVE":
            query = dns.message.make_query(case["zone"], "AXFR")
            reply = await dns.asyncquery.tcp(query, HOST, WAIT_S, server.port)
            assert reply.rcode() in (dns.rcode.REFUSED, dns.rcode.NOTAUTH)
            return
        zone = dns.zone.Zone(case["zone"], relativize=False)
        await dns.asyncquery.inbound_xfr(HOST, zone, port=server.port, timeout=WAIT_S)
    sent = {
        comparable(str(name), dns.rdatatype.to_text(rdata.rdtype), rdata.to_text())
        for name, _, rdata in zone.iterate_rdatas()
    }
    below = tuple(f".{name}.svc.{case['zone']}" for name in case["config"]["namespaces"])
    wanted = {
        comparable(record["name"], record["type"], record["rdata"])
        for record in case["records"]
        if record["name"] == case["zone"] or record["name"].endswith(below)
    }
    assert wanted <= sent


def comparable(name: str, type_: str, rdata: str) -> tuple[str, str, str]:
    words = rdata.split()
    if type_ == "SOA":
        words[2] = "*"
    if type_ == "SRV":
        words[1] = "*"
    return name, type_, " ".join(words)


# Records about the zone itself.


@every("bound_ip_vectors")
async def test_the_zone_names_the_address_of_its_server(case: Case) -> None:
    hosts = [text.partition("/")[0] for text in case["listen"] or ()]
    own = tuple(address for host in hosts for address in answered_at(host))
    config = ProtocolConfig(zone=replace(ZONE, nameserver_addresses=own))
    async with serving(a_view(snapshot_of("edge")), config) as server:
        query = dns.message.make_query("cluster.local", "NS")
        reply = await dns.asyncquery.udp(query, HOST, WAIT_S, server.port)
    assert data_of(reply.answer) == ["ns.dns.cluster.local."]
    assert data_of(reply.additional) == ([case["includes"]] if case["includes"] else [])


@every("namespace_vectors")
async def test_namespaces_are_shown_as_published(case: Case) -> None:
    """Without an allow list every existing namespace is served."""
    name = case["namespace"]
    objects: list[Object] = [a_namespace(each) for each in case["existing"]]
    if case["check"] == "configured":
        objects += [a_namespace(name), a_service("web", name)]
    question = f"web.{name}.svc" if case["check"] == "configured" else f"{name}.svc"
    view = a_view(load(objects, revision=Revision(1)))
    async with serving(view, ProtocolConfig(zone=ZONE)) as server:
        query = dns.message.make_query(f"{question}.cluster.local", "A")
        reply = await dns.asyncquery.udp(query, HOST, WAIT_S, server.port)
    assert reply.rcode() == (dns.rcode.NOERROR if case["expect"] else dns.rcode.NXDOMAIN)


MOVES_TOO = dict.fromkeys(
    ("serial/003", "serial/009", "serial/010", "serial/021", "serial/023", "serial/025"),
    "the serial is the revision, which every commit moves; what no record shows transfers nothing",
)
"""Changes that leave CoreDNS' serial unchanged, although some of them alter answers."""

WEB, SLICE, POD = a_service("web"), an_endpoint_slice(an_endpoint("10.244.0.1")), a_pod("p")
OUT = replace(
    a_service("out"),
    type=ServiceType.EXTERNAL_NAME,
    cluster_ip="",
    cluster_ips=(),
    external_name="www.example.com",
)
BASE: tuple[Object, ...] = (a_namespace(), WEB, SLICE, POD, OUT)
CHANGES: Mapping[str, tuple[Object | None, Object | None]] = {
    "serial/001": (None, a_service("new", cluster_ip="10.96.9.9", cluster_ips=("10.96.9.9",))),
    "serial/003": (WEB, replace(WEB, external_ips=("192.0.2.1",))),
    "serial/004": (OUT, replace(OUT, external_name="www.example.net")),
    "serial/008": (WEB, replace(WEB, ports=(ServicePort(port=80, name="http", protocol="UDP"),))),
    "serial/009": (WEB, replace(WEB, metadata=a_meta("web", labels={"tier": "front"}))),
    "serial/010": (WEB, replace(WEB, cluster_ip="10.96.7.7", cluster_ips=("10.96.7.7",))),
    "serial/011": (
        SLICE,
        replace(SLICE, endpoints=(*SLICE.endpoints, an_endpoint("10.244.0.2"))),
    ),
    "serial/012": (
        SLICE,
        replace(SLICE, ports=(*SLICE.ports, EndpointPort(port=9, name="discard"))),
    ),
    "serial/013": (SLICE, replace(SLICE, endpoints=(an_endpoint("10.244.0.3"),))),
    "serial/014": (SLICE, replace(SLICE, endpoints=(an_endpoint("10.244.0.1", hostname="one"),))),
    "serial/015": (SLICE, replace(SLICE, ports=(EndpointPort(port=81, name="http"),))),
    "serial/017": (None, an_endpoint_slice(an_endpoint("10.244.0.9"), name="web-2")),
    "serial/018": (SLICE, replace(SLICE, endpoints=(an_endpoint("10.244.0.1", ready=False),))),
    "serial/021": (SLICE, replace(SLICE, endpoints=(an_endpoint("10.244.0.1", zone="z9"),))),
    "serial/022": (POD, replace(POD, pod_ips=("10.244.9.9",))),
    "serial/023": (POD, replace(POD, metadata=a_meta("p", labels={"tier": "back"}))),
    "serial/024": (POD, None),
    "serial/025": (None, a_namespace("new")),
}


@every("serial_vectors")
async def test_the_serial_moves_with_every_change(case: Case) -> None:
    view = a_view(load(BASE, revision=Revision(4)))
    before, after = CHANGES[case["id"]]
    async with serving(view, transferring(ZONE)) as server:
        assert await serial(server.port) == 4
        view.advance([Change(revision=Revision(5), before=before, after=after)])
        assert await serial(server.port) == 5
        assert case["bumps_zone"] != (case["id"] in MOVES_TOO)
        if not case["bumps_zone"] and "quirk" not in case:
            assert await delta(server.port, since=4) == {"SOA"}


async def serial(port: int) -> int:
    query = dns.message.make_query("cluster.local", "SOA")
    reply = await dns.asyncquery.udp(query, HOST, WAIT_S, port)
    return int(data_of(reply.answer)[0].split()[2])


async def delta(port: int, *, since: int) -> set[str]:
    """Ask for the changes, and return the types of the records sent."""
    query = dns.message.make_query("cluster.local", "IXFR")
    soa = f". . {since} 0 0 0 0"
    query.authority.append(dns.rrset.from_text("cluster.local.", 0, "IN", "SOA", soa))
    octets = query.to_wire()
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(struct.pack("!H", len(octets)) + octets)
    reply = await read_message(reader)
    await end(writer)
    return {dns.rdatatype.to_text(rrset.rdtype) for rrset in reply.answer}
