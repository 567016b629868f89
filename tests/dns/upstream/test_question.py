"""Questions to upstream servers and the properties of their replies."""

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from app.dns.messages.wire import encode_name
from app.dns.upstream.message import parse_reply
from app.dns.upstream.question import UpstreamQuery, UpstreamReply
from app.domain.names import parse_domain

NAME = parse_domain("www.example.com")
QUERY = UpstreamQuery(encode_name(NAME) + b"\0\1\0\1")
MESSAGE = QUERY.encode(77, 1232)


def parsed(*lines: str, query: UpstreamQuery = QUERY, rcode: str = "NOERROR") -> UpstreamReply:
    """Parse a reply of records in zone-file form; ``ns`` marks the authority section."""
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


def asking(type_: str, name: str = "www.example.com") -> UpstreamQuery:
    number = dns.rdatatype.from_text(type_).to_bytes(2)
    return UpstreamQuery(encode_name(parse_domain(name)) + number + b"\0\1")


SOA = "ns example.com. 900 SOA ns.example.com. host.example.com. 1 2 3 4 60"


@pytest.mark.parametrize(
    ("type_", "lines", "is_answer"),
    [
        ("A", ["www.example.com. 9 A 192.0.2.1"], True),
        ("A", ["WWW.Example.COM. 9 A 192.0.2.1"], True),
        ("A", ["www.example.com. 9 AAAA 2001:db8::1"], False),
        ("A", ["www.example.org. 9 A 192.0.2.1"], False),
        ("A", ["www.example.com. 9 CNAME a.test.", "A.test. 9 A 192.0.2.1"], True),
        # Upstreams that rotate the records of an answer also rotate aliases.
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
def test_an_answer_has_records_of_the_type_at_the_end_of_its_aliases(
    type_: str, lines: list[str], *, is_answer: bool
) -> None:
    query = asking(type_)
    assert parsed(*lines, query=query).answers(query) is is_answer
    assert not parsed(*lines, query=query, rcode="NXDOMAIN").answers(query)


def test_an_rrset_gets_its_lowest_ttl_and_signatures_keep_theirs() -> None:
    key = "8 2 60 20300101000000 20200101000000 1 example.com. AAAA"
    reply = parsed(
        "www.example.com. 60 A 192.0.2.1",
        "WWW.example.com. 20 A 192.0.2.2",
        "www.example.com. 40 AAAA 2001:db8::1",
        f"www.example.com. 30 RRSIG A {key}",
        f"www.example.com. 40 RRSIG AAAA {key}",
    )
    assert [record.ttl_s for record in reply.sections[0]] == [20, 20, 40, 30, 40]


def test_the_ttl_of_an_soa_is_limited_by_its_minimum() -> None:
    reply = parsed("ns example.com. 900 SOA ns.test. host.test. 1 2 3 4 60")
    assert [record.ttl_s for record in reply.sections[1]] == [60]
    reply = parsed("ns example.com. 30 SOA ns.test. host.test. 1 2 3 4 60")
    assert [record.ttl_s for record in reply.sections[1]] == [30]


def test_a_reply_with_only_ns_records_is_a_referral() -> None:
    others = "ns example.com. 900 NS ns.example.com."
    assert parsed(others).is_referral
    assert not parsed(others, SOA).is_referral
    assert not parsed(others, "www.example.com. 9 A 192.0.2.1").is_referral
    assert not parsed(others, rcode="NXDOMAIN").is_referral
    assert not parsed().is_referral


def test_a_query_for_a_server_without_edns_has_no_opt_record() -> None:
    signed = UpstreamQuery(QUERY.question, is_dnssec_ok=True, is_checking_disabled=True)
    message = dns.message.from_wire(signed.encode(7, None))
    assert (message.id, message.edns, message.question[0].name.to_text()) == (7, -1, f"{NAME}")
    assert message.flags & dns.flags.CD
    octets = dns.message.make_response(message).to_wire()
    assert parse_reply(octets, signed.encode(7, None)) is not None
