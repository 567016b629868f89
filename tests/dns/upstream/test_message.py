"""Upstream messages are parsed to their end or rejected, and never beyond the bounds."""

import struct

import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dns.messages.message import Rcode
from app.dns.messages.wire import RawRecord, encode_body, encode_name
from app.dns.upstream.message import (
    EXPANDED_BYTES_MAX,
    LIMITS,
    POINTERS_MAX,
    RECORDS_MAX,
    Limits,
    Oversized,
    parse_reply,
)
from app.domain.names import parse_domain
from tests.dns.upstream.test_question import MESSAGE, QUERY

MESSAGE_BYTES_MAX = 65_535


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
def test_records_of_any_type_can_be_copied_to_another_message(type_: str, data: str) -> None:
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


@pytest.mark.parametrize(
    ("octets", "rcode"),
    [
        # A bare header with any counts.
        (MESSAGE[:2] + b"\x81\x81" + bytes(8), Rcode.FORMERR),
        (MESSAGE[:2] + b"\x81\x84" + bytes(8), Rcode.NOTIMP),
        (MESSAGE[:2] + b"\x81\x81\0\1\0\0\0\0\0\1", Rcode.FORMERR),
        (MESSAGE[:2] + b"\x81\x82" + bytes(8), Rcode.SERVFAIL),
        # A success without the question is rejected.
        (MESSAGE[:2] + b"\x81\x80" + bytes(8), None),
        (MESSAGE[:2] + b"\x81\x83" + bytes(8), None),
        # Not a reply, or a reply to another question.
        (MESSAGE[:2] + b"\x01\x01" + bytes(8), None),
        (b"\xff\xff\x81\x81" + bytes(8), None),
        (MESSAGE[:2] + b"\x81\x81" + bytes(7), None),
        (MESSAGE[:2] + b"\x81\x81\0\2" + bytes(6) + MESSAGE[12:-11], None),
    ],
)
def test_a_failure_may_come_without_the_question(octets: bytes, rcode: Rcode | None) -> None:
    reply = parse_reply(octets, MESSAGE)
    assert (None if reply is None else reply.rcode) == rcode


def test_an_opt_record_sets_has_opt_and_is_not_in_the_sections() -> None:
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


def test_an_extended_response_code_is_a_failure() -> None:
    reply = dns.message.make_response(dns.message.from_wire(MESSAGE))
    reply.set_rcode(dns.rcode.BADVERS)
    found = parse_reply(reply.to_wire(), MESSAGE)
    assert found is not None
    assert found.rcode == Rcode.SERVFAIL


# Bounds.

FIRST_AT = 12 + len(QUERY.question)
LONG_NAME = encode_name(parse_domain(".".join(["a" * 62] * 4)))  # 253 octets


def a_message(*records: bytes) -> bytes:
    counts = struct.pack("!HHHH", 1, len(records), 0, 0)
    return MESSAGE[:2] + b"\x81\x80" + counts + QUERY.question + b"".join(records)


def a_record(owner: bytes, type_: int, data: bytes) -> bytes:
    return owner + struct.pack("!HHIH", type_, 1, 60, len(data)) + data


def pointer(target: int) -> bytes:
    return (0xC000 | target).to_bytes(2)


ADDRESS = a_record(pointer(12), 1, bytes(4))


def records_of(octets: bytes, limits: Limits = LIMITS) -> tuple[RawRecord, ...]:
    reply = parse_reply(octets, MESSAGE, limits)
    assert reply is not None
    records = reply.sections[0]
    return tuple(record for record in records if isinstance(record, RawRecord))


def test_the_longest_message_of_addresses_is_parsed() -> None:
    count = (MESSAGE_BYTES_MAX - FIRST_AT) // len(ADDRESS)
    assert len(records_of(a_message(*[ADDRESS] * count))) == count <= RECORDS_MAX


def test_the_records_of_a_set_share_the_octets_of_its_name() -> None:
    spelt = a_record(QUERY.name, 1, bytes(4))
    owners = {id(record.owner) for record in records_of(a_message(*[ADDRESS, spelt] * 50))}
    assert len(owners) == 1


def test_more_records_than_the_bound_are_oversized() -> None:
    three = Limits(records_max=3)
    assert len(records_of(a_message(*[ADDRESS] * 3), three)) == 3
    with pytest.raises(Oversized):
        parse_reply(a_message(*[ADDRESS] * 4), MESSAGE, three)
    smallest = a_record(b"\0", 1, b"")
    count = (MESSAGE_BYTES_MAX - FIRST_AT) // len(smallest)
    with pytest.raises(Oversized):
        parse_reply(a_message(*[smallest] * count), MESSAGE)


def test_more_decompressed_octets_than_the_bound_are_oversized() -> None:
    first = a_record(b"\0", 2, LONG_NAME)
    at = FIRST_AT + len(first) - len(LONG_NAME)
    small = a_record(b"\0", 2, pointer(at))  # 13 octets that become 253
    count = 200
    octets = a_message(first, *[small] * count)
    written = (count + 1) * len(LONG_NAME)
    enough = Limits(expanded_bytes_max=2 * written)
    assert sum(len(record.data) for record in records_of(octets, enough)) == written
    with pytest.raises(Oversized):
        parse_reply(octets, MESSAGE, Limits(expanded_bytes_max=written - 1))
    count = (MESSAGE_BYTES_MAX - FIRST_AT - len(first)) // len(small)
    assert count * len(LONG_NAME) > EXPANDED_BYTES_MAX
    with pytest.raises(Oversized):
        parse_reply(a_message(first, *[small] * count), MESSAGE)


def test_a_message_that_announces_more_than_it_has_is_no_reply() -> None:
    octets = bytearray(a_message(ADDRESS))
    octets[6:8] = b"\xff\xff"
    assert parse_reply(bytes(octets), MESSAGE) is None


@pytest.mark.parametrize(("hops", "is_read"), [(POINTERS_MAX, True), (POINTERS_MAX + 1, False)])
def test_chains_of_pointers_are_bounded(hops: int, *, is_read: bool) -> None:
    chain_at = FIRST_AT + len(a_record(b"\0", 16, b""))
    chain = pointer(12) + b"".join(pointer(chain_at + 2 * at) for at in range(hops - 1))
    last = a_record(pointer(chain_at + len(chain) - 2), 1, bytes(4))
    reply = parse_reply(a_message(a_record(b"\0", 16, chain), last), MESSAGE)
    assert (reply is not None) is is_read


def test_following_pointers_counts_against_the_bound() -> None:
    chain_at = FIRST_AT + len(a_record(b"\0", 16, b""))
    chain = pointer(12) + b"".join(pointer(chain_at + 2 * at) for at in range(POINTERS_MAX - 1))
    # Names of pointers alone do not become longer, but take time to follow.
    slow = a_record(b"\1a" + pointer(chain_at + len(chain) - 4), 1, bytes(4))
    octets = a_message(a_record(b"\0", 16, chain), *[slow] * RECORDS_MAX)[:MESSAGE_BYTES_MAX]
    with pytest.raises(Oversized):
        parse_reply(octets, MESSAGE)
