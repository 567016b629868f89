"""The protocol: published wire cases, sizes, then the laws for any octets."""

import struct
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import pytest
from dns.rdatatype import RdataType
from hypothesis import given
from hypothesis import strategies as st

from app.dns.answering.protocol import Forward, Protocol, ProtocolConfig, Transfer
from app.dns.messages.message import Transport
from app.domain.addresses import parse_prefix
from app.domain.discovery.zone.config import ZoneConfig
from app.domain.names import parse_domain
from app.domain.snapshot import Snapshot
from tests.dns.client import data_of, options_of
from tests.dns_vectors import VECTORS, snapshot_of
from tests.strategies import names_of_the_zone, question_types

HOST = ip_address("192.0.2.7")
ZONE = ZoneConfig(zones=(parse_domain("cluster.local"),))
FORWARDING = ProtocolConfig(zone=ZONE, has_upstreams=True)


class FixedSource:
    """A source with a fixed state."""

    def __init__(self, snapshot: Snapshot, *, is_synced: bool = True) -> None:
        self.snapshot = snapshot
        self.is_synced = is_synced


def a_protocol(
    snapshot: Snapshot | None = None,
    config: ProtocolConfig | None = None,
    *,
    zone: ZoneConfig = ZONE,
    is_synced: bool = True,
) -> Protocol:
    source = FixedSource(snapshot or snapshot_of("edge"), is_synced=is_synced)
    return Protocol(source, config or ProtocolConfig(zone=zone))


def ask(
    protocol: Protocol, query: dns.message.Message, transport: Transport = Transport.UDP
) -> dns.message.Message:
    reply = protocol.respond(query.to_wire(), transport, HOST)
    assert isinstance(reply, bytes), reply
    return dns.message.from_wire(reply)


# Wire cases.


def request_of(case: Mapping[str, Any]) -> bytes:
    asked = case["request"]
    if "raw_hex" in asked:
        return bytes.fromhex(asked["raw_hex"])
    opcode = {"QUERY": 0, "IQUERY": 1, "STATUS": 2, "NOTIFY": 4, "UPDATE": 5}[asked["opcode"]]
    record = b"\0" + struct.pack("!HHIH", 1, 1, 0, 4) + bytes(4)
    extra = [asked.get(count, 0) for count in ("ancount", "nscount", "arcount")]
    additional = b""
    if (edns := asked.get("edns")) is not None:
        options = b"".join(
            struct.pack("!HH", code, len(bytes.fromhex(value))) + bytes.fromhex(value)
            for code, value in edns.get("options", ())
        )
        flags = edns["version"] << 16 | (0x8000 if edns.get("do") else 0)
        additional = (
            b"\0" + struct.pack("!HHIH", 41, edns["bufsize"], flags, len(options)) + options
        )
        extra[2] += 1
    header = struct.pack(
        "!HHHHHH", 77, opcode << 11 | asked.get("rd", 0) << 8, len(asked["questions"]), *extra
    )
    questions = b"".join(
        parse_wire(name) + struct.pack("!HH", dns.rdatatype.from_text(type_), 1)
        for name, type_, _ in asked["questions"]
    )
    fillers = sum(extra) - (1 if additional else 0)
    return header + questions + record * fillers + additional


def parse_wire(name: str) -> bytes:
    labels = name.rstrip(".").split(".")
    return b"".join(bytes((len(label),)) + label.encode() for label in labels) + b"\0"


def facts_of(message: dns.message.Message) -> dict[str, object]:
    """List the properties of a reply that wire cases compare."""
    return {
        "rcode": dns.rcode.to_text(message.rcode()),
        "id": message.id,
        "answer": len(message.answer),
        "authority": len(message.authority),
        "additional": len(message.additional),
        "opt_in_reply": message.edns >= 0,
        "do": bool(message.ednsflags & dns.flags.DO),
        "options": options_of(message),
        "rd": int(bool(message.flags & dns.flags.RD)),
        "ra": int(bool(message.flags & dns.flags.RA)),
        "aa": int(bool(message.flags & dns.flags.AA)),
        "replies": 3,  # over real connections, in test_published
        "question_name": message.question[0].name.to_text() if message.question else "",
        "answer_owner": message.answer[0].name.to_text() if message.answer else "",
    }


@pytest.mark.parametrize("case", VECTORS["wire_vectors"], ids=lambda case: case["id"])
def test_wire_cases_are_answered_as_published(case: Mapping[str, Any]) -> None:
    transport = Transport[case["request"].get("transport", "udp").upper()]
    request, expected = request_of(case), case["expect"]
    reply = a_protocol(snapshot_of(case["fixture"])).respond(request, transport, HOST)
    if "reply" in expected:
        assert reply is None
        return
    assert isinstance(reply, bytes)
    message = dns.message.from_wire(reply)
    facts = facts_of(message)
    assert {**facts, **expected} == facts
    assert message.id == struct.unpack_from("!H", request)[0]


# Examples.


def test_nothing_is_answered_before_the_state_is_known() -> None:
    protocol = a_protocol(is_synced=False)
    reply = ask(protocol, dns.message.make_query("multi.edge.svc.cluster.local", "A"))
    assert reply.rcode() == dns.rcode.SERVFAIL


@pytest.mark.parametrize(
    ("code", "transport", "is_echoed"),
    [
        (3, Transport.UDP, True),
        (10, Transport.UDP, True),
        (12, Transport.UDP, True),
        (11, Transport.UDP, False),
        (11, Transport.TCP, True),
        (8, Transport.UDP, False),
        (65001, Transport.UDP, False),
    ],
)
def test_some_options_are_echoed(code: int, transport: Transport, *, is_echoed: bool) -> None:
    option = struct.pack("!HH", code, 8) + b"12345678"
    query = dns.message.make_query("multi.edge.svc.cluster.local", "A", use_edns=0).to_wire()
    message = query[:-2] + struct.pack("!H", len(option)) + option
    reply = a_protocol().respond(message, transport, HOST)
    assert isinstance(reply, bytes)
    assert reply.endswith(option) == is_echoed
    assert dns.message.from_wire(reply).answer


def test_a_large_option_is_not_echoed() -> None:
    option = struct.pack("!HH", 12, 900) + bytes(900)
    query = dns.message.make_query("multi.edge.svc.cluster.local", "A", use_edns=0).to_wire()
    message = query[:-2] + struct.pack("!H", len(option)) + option
    reply = a_protocol().respond(message, Transport.UDP, HOST)
    assert isinstance(reply, bytes)
    assert len(reply) < 512


def test_an_option_without_end_is_malformed() -> None:
    query = dns.message.make_query("multi.edge.svc.cluster.local", "A", use_edns=0).to_wire()
    message = query[:-2] + struct.pack("!HHH", 4, 10, 8)
    reply = a_protocol().respond(message, Transport.UDP, HOST)
    assert isinstance(reply, bytes)
    assert dns.message.from_wire(reply).rcode() == dns.rcode.FORMERR


def test_version_bind_is_answered_and_other_chaos_questions_are_refused() -> None:
    protocol = a_protocol(config=ProtocolConfig(zone=ZONE, version="waypost 1.2.3"))
    query = dns.message.make_query("version.bind", "TXT", rdclass=dns.rdataclass.CH)
    reply = ask(protocol, query)
    assert reply.answer[0].rdclass == dns.rdataclass.CH
    assert data_of(reply.answer)[0] == '"waypost 1.2.3"'
    query = dns.message.make_query("authors.bind", "TXT", rdclass=dns.rdataclass.CH)
    assert ask(protocol, query).rcode() == dns.rcode.REFUSED


def test_names_out_of_the_zone_are_refused_or_forwarded() -> None:
    query = dns.message.make_query("www.example.com", "A")
    assert ask(a_protocol(), query).rcode() == dns.rcode.REFUSED
    outcome = a_protocol(config=FORWARDING).respond(query.to_wire(), Transport.UDP, HOST)
    assert isinstance(outcome, Forward)
    assert outcome.name == parse_domain("www.example.com")


OUTSIDE = "extmissing.edge.svc.cluster.local"


@pytest.mark.parametrize("transport", Transport)
@pytest.mark.parametrize("type_", ["A", "AAAA", "CNAME", "TXT", "MX", "HTTPS", "SRV", "ANY", "PTR"])
def test_an_alias_out_of_the_zone_is_answered_without_upstreams(
    type_: str, transport: Transport
) -> None:
    protocol = a_protocol()
    for flags in (dns.flags.RD, 0):
        query = dns.message.make_query(OUTSIDE, type_, flags=flags)
        reply = ask(protocol, query, transport)
        assert reply.rcode() == dns.rcode.NOERROR
        assert reply.flags & ~dns.flags.RD == dns.flags.QR | dns.flags.AA
        assert data_of(reply.answer) == ["gone.example.test."]
        assert (reply.authority, reply.additional) == ([], [])


@pytest.mark.parametrize("type_", ["A", "AAAA", "TXT", "MX", "HTTPS", "SRV"])
def test_the_target_of_an_alias_is_forwarded_if_recursion_is_desired(type_: str) -> None:
    protocol = a_protocol(config=FORWARDING)
    query = dns.message.make_query(OUTSIDE, type_)
    outcome = protocol.respond(query.to_wire(), Transport.UDP, HOST)
    assert isinstance(outcome, Forward)
    assert outcome.name == parse_domain("gone.example.test")
    assert [str(record.content) for record in outcome.chain] == ["gone.example.test."]
    reply = ask(protocol, dns.message.make_query(OUTSIDE, type_, flags=0))
    assert (reply.rcode(), reply.authority) == (dns.rcode.NOERROR, [])
    assert data_of(reply.answer) == ["gone.example.test."]


@pytest.mark.parametrize("type_", ["CNAME", "ANY"])
def test_the_alias_itself_is_not_forwarded(type_: str) -> None:
    reply = ask(a_protocol(config=FORWARDING), dns.message.make_query(OUTSIDE, type_))
    assert data_of(reply.answer) == ["gone.example.test."]


@pytest.mark.parametrize("config", [ProtocolConfig(zone=ZONE), FORWARDING])
def test_every_reply_has_the_recursion_available_flag(config: ProtocolConfig) -> None:
    protocol = a_protocol(config=config)
    offered = dns.flags.RA if config.has_upstreams else 0
    messages = [
        dns.message.make_query(name, type_, flags=flags).to_wire()
        for name, type_ in (
            ("multi.edge.svc.cluster.local", "A"),
            ("hl-2ports.edge.svc.cluster.local", "A"),
            ("multi.edge.svc.cluster.local", "TXT"),
            ("nope.edge.svc.cluster.local", "A"),
            (OUTSIDE, "CNAME"),
            ("cluster.local", "AXFR"),
        )
        for flags in (dns.flags.RD, 0)
    ]
    version = dns.message.make_query("multi.edge.svc.cluster.local", "A")
    version.use_edns(1)
    refused = dns.message.make_query("multi.edge.svc.cluster.local", "A")
    refused.set_opcode(dns.opcode.STATUS)
    malformed = messages[0][:4] + bytes(8)
    for message in (*messages, version.to_wire(), refused.to_wire(), malformed):
        for _ in range(2):  # parsed first, then found by its octets
            reply = protocol.respond(message, Transport.UDP, HOST)
            assert isinstance(reply, bytes)
            assert int.from_bytes(reply[2:4]) & dns.flags.RA == offered
    for octets in (protocol.failure(messages[0]), protocol.over_tcp(messages[0])):
        assert octets is not None
        assert int.from_bytes(octets[2:4]) & dns.flags.RA == offered


def test_allowed_clients_may_transfer_the_zone_over_tcp() -> None:
    prefix = parse_prefix("192.0.2.0/24")
    assert prefix is not None
    protocol = a_protocol(config=ProtocolConfig(zone=ZONE, transfers_to=(prefix,)))
    query = dns.message.make_query("cluster.local", "AXFR").to_wire()
    assert isinstance(protocol.respond(query, Transport.TCP, HOST), Transfer)
    for client, transport in ((ip_address("198.51.100.1"), Transport.TCP), (HOST, Transport.UDP)):
        reply = protocol.respond(query, transport, client)
        assert isinstance(reply, bytes)
        assert dns.message.from_wire(reply).rcode() == dns.rcode.REFUSED


def test_ixfr_over_udp_is_answered_with_the_soa_alone() -> None:
    prefix = parse_prefix("192.0.2.0/24")
    assert prefix is not None
    query = dns.message.make_query("cluster.local", "IXFR")
    reply = ask(a_protocol(config=ProtocolConfig(zone=ZONE, transfers_to=(prefix,))), query)
    assert [rrset.rdtype for rrset in reply.answer] == [dns.rdatatype.SOA]


# Laws.


@given(st.binary(max_size=64), st.sampled_from(Transport))
def test_any_octets_get_a_reply_or_none(message: bytes, transport: Transport) -> None:
    reply = a_protocol().respond(message, transport, HOST)
    assert reply is None or (isinstance(reply, bytes) and reply[:2] == message[:2])


mutations = st.lists(st.tuples(st.integers(0, 80), st.integers(0, 255)), max_size=6)


@given(names_of_the_zone, question_types, mutations, st.sampled_from(Transport))
def test_damaged_questions_get_a_reply_or_none(
    name: str, type_: int, changed: list[tuple[int, int]], transport: Transport
) -> None:
    message = bytearray(dns.message.make_query(name, RdataType(type_), use_edns=0).to_wire())
    for place, octet in changed:
        message[place % len(message)] = octet
    reply = a_protocol().respond(bytes(message), transport, HOST)
    assert reply is None or (isinstance(reply, bytes) and reply[:2] == bytes(message[:2]))
    if reply is not None and transport == Transport.UDP:
        assert len(reply) <= 4096
