"""The protocol: published wire cases, sizes, then the laws any octets obey."""

import struct
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import pytest
from dns.rdatatype import RdataType
from hypothesis import given, settings
from hypothesis import strategies as st

from app.dns.messages import Transport
from app.dns.protocol import Forward, Protocol, ProtocolConfig, Transfer
from app.domain.addresses import parse_prefix
from app.domain.changes import Change
from app.domain.discovery.zone_config import ZoneConfig, cluster_config
from app.domain.names import Revision, parse_domain
from app.domain.snapshot import Snapshot, load
from tests.builders import a_namespace, a_service
from tests.dns.client import data_of, options_of
from tests.dns_vectors import VECTORS, config_of, snapshot_of
from tests.strategies import NAMESPACES, histories, names_of_the_zone, question_types

HOST = ip_address("192.0.2.7")
ZONE = ZoneConfig(zones=(parse_domain("cluster.local"),))
FORWARDING = ProtocolConfig(zone=ZONE, has_upstreams=True)


class FixedSource:
    """A state that does not change by itself."""

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
    """List what wire cases say of a reply."""
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
def test_the_wire_is_spoken_as_published(case: Mapping[str, Any]) -> None:
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


# Sizes.


@pytest.mark.parametrize("case", VECTORS["size_vectors"]["cases"], ids=lambda case: case["id"])
def test_answers_are_cut_to_size_as_published(case: Mapping[str, Any]) -> None:
    request = case["request"]
    query = dns.message.make_query(case["qname"], case["qtype"])
    if request["edns_bufsize"] is not None:
        query.use_edns(0, payload=request["edns_bufsize"])
    transport = Transport[request["transport"].upper()]
    protocol = a_protocol(snapshot_of(case["fixture"]), zone=config_of(case))
    reply = protocol.respond(query.to_wire(), transport, HOST)
    assert isinstance(reply, bytes)
    assert len(reply) <= case["limit"]
    message = dns.message.from_wire(reply, continue_on_error=True)
    assert bool(message.flags & dns.flags.TC) == case["tc"]
    assert (message.edns >= 0) == case["opt_in_reply"]
    if not case["tc"]:
        assert sum(map(len, message.answer)) == case["full_answers"]
        assert sum(map(len, message.additional)) == case["full_additional"]


# Examples.


def test_nothing_is_answered_before_the_state_is_known() -> None:
    protocol = a_protocol(is_synced=False)
    reply = ask(protocol, dns.message.make_query("multi.edge.svc.cluster.local", "A"))
    assert reply.rcode() == dns.rcode.SERVFAIL


def test_several_addresses_take_turns_in_front() -> None:
    protocol = a_protocol()
    query = dns.message.make_query("hl-2ports.edge.svc.cluster.local", "A")
    replies = [ask(protocol, query) for _ in range(4)]
    order = [data_of(reply.answer) for reply in replies]
    assert len({addresses[0] for addresses in order[:3]}) == 3
    assert {tuple(sorted(addresses)) for addresses in order} == {tuple(sorted(order[0]))}


def test_known_octets_get_the_reply_they_got_before() -> None:
    protocol = a_protocol()
    query = dns.message.make_query("multi.edge.svc.cluster.local", "A").to_wire()
    first = protocol.respond(query, Transport.UDP, HOST)
    reply, tally = protocol.answers.by_wire[query[2:]]
    assert query[:2] + (reply if isinstance(reply, bytes) else reply.octets()) == first
    assert tally == [1]


@pytest.mark.parametrize("oddity", ["case", "option", "size"])
def test_octets_that_few_clients_send_are_not_kept(oddity: str) -> None:
    protocol = a_protocol()
    name = "mulTi" if oddity == "case" else "multi"
    query = dns.message.make_query(f"{name}.edge.svc.cluster.local", "A")
    if oddity == "option":
        query.use_edns(0, options=[dns.edns.CookieOption(b"12345678", b"")])
    elif oddity == "size":
        query.use_edns(0, payload=1234)
    assert ask(protocol, query).answer
    assert not protocol.answers.by_wire


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
def test_some_options_go_back_as_they_came(
    code: int, transport: Transport, *, is_echoed: bool
) -> None:
    option = struct.pack("!HH", code, 8) + b"12345678"
    query = dns.message.make_query("multi.edge.svc.cluster.local", "A", use_edns=0).to_wire()
    message = query[:-2] + struct.pack("!H", len(option)) + option
    reply = a_protocol().respond(message, transport, HOST)
    assert isinstance(reply, bytes)
    assert reply.endswith(option) == is_echoed
    assert dns.message.from_wire(reply).answer


def test_a_large_option_does_not_come_back() -> None:
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


def test_the_version_is_told_and_other_questions_of_that_class_are_refused() -> None:
    protocol = a_protocol(config=ProtocolConfig(zone=ZONE, version="waypost 1.2.3"))
    query = dns.message.make_query("version.bind", "TXT", rdclass=dns.rdataclass.CH)
    reply = ask(protocol, query)
    assert reply.answer[0].rdclass == dns.rdataclass.CH
    assert data_of(reply.answer)[0] == '"waypost 1.2.3"'
    query = dns.message.make_query("authors.bind", "TXT", rdclass=dns.rdataclass.CH)
    assert ask(protocol, query).rcode() == dns.rcode.REFUSED


def test_names_of_others_are_refused_or_forwarded() -> None:
    query = dns.message.make_query("www.example.com", "A")
    assert ask(a_protocol(), query).rcode() == dns.rcode.REFUSED
    outcome = a_protocol(config=FORWARDING).respond(query.to_wire(), Transport.UDP, HOST)
    assert isinstance(outcome, Forward)
    assert outcome.name == parse_domain("www.example.com")


def test_an_alias_for_a_name_of_others_is_withheld_or_forwarded() -> None:
    query = dns.message.make_query("extmissing.edge.svc.cluster.local", "A")
    reply = ask(a_protocol(), query)
    assert (reply.rcode(), reply.answer, len(reply.authority)) == (dns.rcode.NOERROR, [], 1)
    outcome = a_protocol(config=FORWARDING).respond(query.to_wire(), Transport.UDP, HOST)
    assert isinstance(outcome, Forward)
    assert outcome.name == parse_domain("gone.example.test")
    assert [str(record.content) for record in outcome.chain] == ["gone.example.test."]


def test_the_zone_may_be_copied_over_tcp_by_those_allowed() -> None:
    prefix = parse_prefix("192.0.2.0/24")
    assert prefix is not None
    protocol = a_protocol(config=ProtocolConfig(zone=ZONE, transfers_to=(prefix,)))
    query = dns.message.make_query("cluster.local", "AXFR").to_wire()
    assert isinstance(protocol.respond(query, Transport.TCP, HOST), Transfer)
    for client, transport in ((ip_address("198.51.100.1"), Transport.TCP), (HOST, Transport.UDP)):
        reply = protocol.respond(query, transport, client)
        assert isinstance(reply, bytes)
        assert dns.message.from_wire(reply).rcode() == dns.rcode.REFUSED


def test_a_delta_asked_over_udp_is_answered_with_the_serial_alone() -> None:
    prefix = parse_prefix("192.0.2.0/24")
    assert prefix is not None
    query = dns.message.make_query("cluster.local", "IXFR")
    reply = ask(a_protocol(config=ProtocolConfig(zone=ZONE, transfers_to=(prefix,))), query)
    assert [rrset.rdtype for rrset in reply.answer] == [dns.rdatatype.SOA]


# Laws.


@given(st.binary(max_size=64), st.sampled_from(Transport))
def test_any_octets_get_octets_or_silence(message: bytes, transport: Transport) -> None:
    reply = a_protocol().respond(message, transport, HOST)
    assert reply is None or (isinstance(reply, bytes) and reply[:2] == message[:2])


mutations = st.lists(st.tuples(st.integers(0, 80), st.integers(0, 255)), max_size=6)


@given(names_of_the_zone, question_types, mutations, st.sampled_from(Transport))
def test_damaged_questions_get_octets_or_silence(
    name: str, type_: int, changed: list[tuple[int, int]], transport: Transport
) -> None:
    message = bytearray(dns.message.make_query(name, RdataType(type_), use_edns=0).to_wire())
    for place, octet in changed:
        message[place % len(message)] = octet
    reply = a_protocol().respond(bytes(message), transport, HOST)
    assert reply is None or (isinstance(reply, bytes) and reply[:2] == bytes(message[:2]))
    if reply is not None and transport == Transport.UDP:
        assert len(reply) <= 4096


@given(
    st.sampled_from([case for case in VECTORS["cases"] if case["fixture"] == "edge"]),
    st.one_of(st.none(), st.integers(0, 5000)),
)
def test_a_reply_fits_or_says_that_it_was_cut(case: Mapping[str, Any], size: int | None) -> None:
    query = dns.message.make_query(case["qname"], case["qtype"])
    if size is not None:
        query.use_edns(0, payload=size)
    protocol = a_protocol(zone=config_of(case))
    reply = protocol.respond(query.to_wire(), Transport.UDP, HOST)
    if not isinstance(reply, bytes):
        return
    assert len(reply) <= max(512, min(size or 0, 4096))
    whole = protocol.respond(query.to_wire(), Transport.TCP, HOST)
    assert isinstance(whole, bytes)
    cut, full = dns.message.from_wire(reply), dns.message.from_wire(whole)
    lost = sum(map(len, full.answer + full.additional + full.authority)) - sum(
        map(len, cut.answer + cut.additional + cut.authority)
    )
    assert bool(cut.flags & dns.flags.TC) == (lost > 0)


def lines_of(reply: bytes) -> list[str]:
    """Give what a message says, in no order."""
    return sorted(dns.message.from_wire(reply).to_text().splitlines())


@settings(deadline=None)
@given(histories(), st.lists(st.tuples(names_of_the_zone, question_types), min_size=1, max_size=6))
def test_answers_kept_through_changes_equal_those_made_afresh(
    history: list[Change], questions: list[tuple[str, int]]
) -> None:
    snapshot = load(map(a_namespace, NAMESPACES), revision=Revision(0))
    source = FixedSource(snapshot)
    zone = cluster_config("cluster.local", [])
    keeping = Protocol(source, ProtocolConfig(zone=zone))
    queries = [
        dns.message.make_query(name, RdataType(type_)).to_wire() for name, type_ in questions
    ]
    for change in history:
        source.snapshot = source.snapshot.apply([change])
        keeping.answers.renew(source.snapshot, [change])
        fresh = Protocol(source, ProtocolConfig(zone=zone))
        for query in queries:
            kept, made = (p.respond(query, Transport.UDP, HOST) for p in (keeping, fresh))
            assert isinstance(kept, bytes)
            assert isinstance(made, bytes)
            # The same but for the order of records, which moves on with every question.
            assert kept == made or lines_of(kept) == lines_of(made)


def test_a_change_leaves_the_answers_of_other_names_alone() -> None:
    web, db = a_service("web"), a_service("db", cluster_ips=("10.96.0.21",))
    snapshot = load([a_namespace(), web, db], revision=Revision(1))
    source = FixedSource(snapshot)
    protocol = Protocol(source, ProtocolConfig(zone=ZONE))
    queries = [
        dns.message.make_query(f"{name}.default.svc.cluster.local", type_).to_wire()
        for name in ("web", "db", "nope")
        for type_ in ("A", "TXT")
    ]
    for query in queries:
        protocol.respond(query, Transport.UDP, HOST)
    moved = a_service("web", cluster_ips=("10.96.0.99",))
    change = Change(revision=Revision(2), before=web, after=moved)
    source.snapshot = snapshot.apply([change])
    protocol.answers.renew(source.snapshot, [change])
    kept = [query[2:] in protocol.answers.by_wire for query in queries]
    assert kept == [False, False, True, True, True, True]
    reply, _ = protocol.answers.by_wire[queries[-1][2:]]
    assert not isinstance(reply, bytes)
    denied = dns.message.from_wire(b"\0\0" + reply.octets())
    assert data_of(denied.authority)[0].split()[2] == "2"
