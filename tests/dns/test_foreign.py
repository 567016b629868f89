"""What other servers say: read to the end or not at all."""

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dns.foreign import ForeignQuery, ForeignReply, parse_reply
from app.dns.messages import Rcode
from app.dns.wire import encode_body, encode_name
from app.domain.names import parse_domain

NAME = parse_domain("www.example.com")
QUERY = ForeignQuery(encode_name(NAME) + b"\0\1\0\1")
MESSAGE = QUERY.encode(77, 1232)


def a_reply(*rrsets: dns.rrset.RRset) -> bytes:
    reply = dns.message.make_response(dns.message.from_wire(MESSAGE))
    reply.answer.extend(rrsets)
    return reply.to_wire()


@pytest.mark.parametrize(
    ("type_", "data"),
    [
        ("A", "192.0.2.1"),
        ("MX", "10 mail.example.com."),
        ("SRV", "1 2 3 srv.example.com."),
        ("SOA", "ns.example.com. host.example.com. 1 2 3 4 5"),
        ("CNAME", "example.com."),
        ("TXT", '"one" "two"'),
        ("RP", "a.example.com. b.example.com."),
        ("TYPE65400", "\\# 3 010203"),
    ],
)
def test_records_of_any_type_stand_in_another_message(type_: str, data: str) -> None:
    sent = dns.rrset.from_text("www.example.com.", 60, "IN", type_, data)
    reply = parse_reply(a_reply(sent), MESSAGE)
    assert reply is not None
    other = parse_domain("a.very.different.question.test")
    body = encode_body(other, (reply.sections[0], (), ()))
    header = b"\0\1\x80\0\0\1\0\1\0\0\0\0"
    message = dns.message.from_wire(header + encode_name(other) + b"\0\1\0\1" + body.octets)
    assert message.answer == [sent]


@given(st.binary(max_size=80))
def test_any_octets_are_a_reply_or_none(octets: bytes) -> None:
    assert parse_reply(octets, MESSAGE) is None
    parse_reply(MESSAGE[:2] + b"\x81\x80" + octets, MESSAGE)
    parse_reply(MESSAGE[:2] + b"\x81\x80\0\1\0\1\0\1\0\1" + MESSAGE[12:-11] + octets, MESSAGE)


@pytest.mark.parametrize("target", [12 + 17 + 4, 60, 200])
def test_a_pointer_that_does_not_point_back_is_refused(target: int) -> None:
    record = (0xC000 | target).to_bytes(2) + b"\0\1\0\1\0\0\0\5\0\4" + bytes(4)
    octets = MESSAGE[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + MESSAGE[12:-11] + record
    assert parse_reply(octets, MESSAGE) is None


def parsed(*lines: str, query: ForeignQuery = QUERY, rcode: str = "NOERROR") -> ForeignReply:
    """Read what a server says: records as zone files have them, behind ``ns`` for the authority."""
    octets = query.encode(77, 1232)
    reply = dns.message.make_response(dns.message.from_wire(octets))
    reply.set_rcode(dns.rcode.from_text(rcode))
    for line in lines:
        section = reply.authority if line.startswith("ns ") else reply.answer
        name, ttl, type_, data = line.removeprefix("ns ").split(None, 3)
        section.append(dns.rrset.from_text(name, int(ttl), "IN", type_, data))
    found = parse_reply(reply.to_wire(), octets)
    assert found is not None
    return found


def asking(type_: str, name: str = "www.example.com") -> ForeignQuery:
    number = dns.rdatatype.from_text(type_).to_bytes(2)
    return ForeignQuery(encode_name(parse_domain(name)) + number + b"\0\1")


SOA = "ns example.com. 900 SOA ns.example.com. host.example.com. 1 2 3 4 60"


@pytest.mark.parametrize(
    ("type_", "lines", "is_answer"),
    [
        ("A", ["www.example.com. 9 A 192.0.2.1"], True),
        ("A", ["WWW.Example.COM. 9 A 192.0.2.1"], True),
        ("A", ["www.example.com. 9 AAAA 2001:db8::1"], False),
        ("A", ["www.example.org. 9 A 192.0.2.1"], False),
        ("A", ["www.example.com. 9 CNAME a.test.", "A.test. 9 A 192.0.2.1"], True),
        # Upstreams that deal out the records of an answer in turns do so with aliases, too.
        ("A", ["a.test. 9 A 192.0.2.1", "www.example.com. 9 CNAME a.test."], True),
        ("A", ["www.example.com. 9 CNAME a.test.", "b.test. 9 A 192.0.2.1"], False),
        ("A", ["www.example.com. 9 CNAME a.test.", "a.test. 9 CNAME www.example.com."], False),
        ("CNAME", ["www.example.com. 9 CNAME a.test."], True),
        ("ANY", ["www.example.com. 9 CNAME a.test."], True),
        ("A", ["www.example.com. 9 CNAME a.test.", SOA], False),
        ("A", [SOA], False),
        ("A", [], False),
    ],
)
def test_an_answer_has_what_was_asked_for_at_the_end_of_its_aliases(
    type_: str, lines: list[str], *, is_answer: bool
) -> None:
    query = asking(type_)
    assert parsed(*lines, query=query).answers(query) is is_answer
    assert not parsed(*lines, query=query, rcode="NXDOMAIN").answers(query)


def test_the_records_of_a_set_live_as_long_as_the_shortest_and_signatures_by_themselves() -> None:
    key = "8 2 60 20300101000000 20200101000000 1 example.com. AAAA"
    reply = parsed(
        "www.example.com. 60 A 192.0.2.1",
        "WWW.example.com. 20 A 192.0.2.2",
        "www.example.com. 40 AAAA 2001:db8::1",
        f"www.example.com. 30 RRSIG A {key}",
        f"www.example.com. 40 RRSIG AAAA {key}",
    )
    assert [record.ttl_s for record in reply.sections[0]] == [20, 20, 40, 30, 40]


def test_an_soa_lives_as_long_as_what_it_denies_may_be_kept() -> None:
    reply = parsed("ns example.com. 900 SOA ns.test. host.test. 1 2 3 4 60")
    assert [record.ttl_s for record in reply.sections[1]] == [60]
    reply = parsed("ns example.com. 30 SOA ns.test. host.test. 1 2 3 4 60")
    assert [record.ttl_s for record in reply.sections[1]] == [30]


def test_a_reply_that_only_names_other_servers_is_a_referral() -> None:
    others = "ns example.com. 900 NS ns.example.com."
    assert parsed(others).is_referral
    assert not parsed(others, SOA).is_referral
    assert not parsed(others, "www.example.com. 9 A 192.0.2.1").is_referral
    assert not parsed(others, rcode="NXDOMAIN").is_referral
    assert not parsed().is_referral


@pytest.mark.parametrize(
    ("octets", "rcode"),
    [
        # A bare header, whatever it counts.
        (MESSAGE[:2] + b"\x81\x81" + bytes(8), Rcode.FORMERR),
        (MESSAGE[:2] + b"\x81\x84" + bytes(8), Rcode.NOTIMP),
        (MESSAGE[:2] + b"\x81\x81\0\1\0\0\0\0\0\1", Rcode.FORMERR),
        (MESSAGE[:2] + b"\x81\x82" + bytes(8), Rcode.SERVFAIL),
        # It says what there is only together with what it is about.
        (MESSAGE[:2] + b"\x81\x80" + bytes(8), None),
        (MESSAGE[:2] + b"\x81\x83" + bytes(8), None),
        # Not a reply, or not to us.
        (MESSAGE[:2] + b"\x01\x01" + bytes(8), None),
        (b"\xff\xff\x81\x81" + bytes(8), None),
        (MESSAGE[:2] + b"\x81\x81" + bytes(7), None),
        (MESSAGE[:2] + b"\x81\x81\0\2" + bytes(6) + MESSAGE[12:-11], None),
    ],
)
def test_a_failure_may_come_without_the_question(octets: bytes, rcode: Rcode | None) -> None:
    reply = parse_reply(octets, MESSAGE)
    assert (None if reply is None else reply.rcode) == rcode


def test_an_opt_record_shows_that_a_server_knows_edns_and_is_left_out() -> None:
    reply = dns.message.make_response(dns.message.from_wire(MESSAGE))
    with_opt = parse_reply(reply.to_wire(), MESSAGE)
    reply.use_edns(None)
    without = parse_reply(reply.to_wire(), MESSAGE)
    assert with_opt is not None
    assert without is not None
    assert (with_opt.has_opt, without.has_opt) == (True, False)
    assert with_opt.sections == without.sections == ((), (), ())
    header_and_opt = MESSAGE[:2] + b"\x81\x81" + bytes(6) + b"\0\1" + MESSAGE[-11:]
    bare = parse_reply(header_and_opt, MESSAGE)
    assert bare is not None
    assert bare.has_opt


def test_a_response_code_that_needs_edns_is_a_failure() -> None:
    reply = dns.message.make_response(dns.message.from_wire(MESSAGE))
    reply.set_rcode(dns.rcode.BADVERS)
    found = parse_reply(reply.to_wire(), MESSAGE)
    assert found is not None
    assert found.rcode == Rcode.SERVFAIL


def test_a_query_for_a_server_without_edns_has_no_opt_record() -> None:
    signed = ForeignQuery(QUERY.question, is_dnssec_ok=True, is_checking_disabled=True)
    message = dns.message.from_wire(signed.encode(7, None))
    assert (message.id, message.edns, message.question[0].name.to_text()) == (7, -1, f"{NAME}")
    assert message.flags & dns.flags.CD
    octets = dns.message.make_response(message).to_wire()
    assert parse_reply(octets, signed.encode(7, None)) is not None
