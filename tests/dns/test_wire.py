"""Names and records as octets, against a library that reads them back."""

import struct
from ipaddress import IPv4Address

import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dns.wire import (
    Truncated,
    decode_name,
    encode_bodies,
    encode_body,
    encode_name,
    end_of_plain_name,
    skip_name,
)
from app.domain.discovery.records import Record, RecordType, ServiceTarget, address_record
from app.domain.names import DomainName, MalformedName, parse_domain

labels = st.text("abcXYZ-_09", min_size=1, max_size=12)
names = st.lists(labels, max_size=6).map(lambda parts: DomainName(tuple(parts)))
contents = st.one_of(
    st.integers(0, 2**32 - 1).map(IPv4Address),
    names,
    st.builds(ServiceTarget, st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), names),
)


def a_record(owner: DomainName, content: IPv4Address | DomainName | ServiceTarget) -> Record:
    match content:
        case IPv4Address():
            return address_record(owner, 5, content)
        case DomainName():
            return Record(owner, RecordType.CNAME, 5, content)
        case ServiceTarget():
            return Record(owner, RecordType.SRV, 5, content)


records = st.lists(st.builds(a_record, names, contents), max_size=12).map(tuple)


def read(question: DomainName, counts: tuple[int, int, int], octets: bytes) -> dns.message.Message:
    header = struct.pack("!HHHHHH", 1, 0x8000, 1, *counts)
    whole = header + encode_name(question) + b"\0\1\0\1" + octets
    return dns.message.from_wire(whole, one_rr_per_rrset=True)


def text(record: Record) -> str:
    return f"{record.name} 5 IN {record.type.name} {record.content}"


@given(names)
def test_a_name_is_read_back_as_it_was_written(name: DomainName) -> None:
    octets = encode_name(name) + b"rest"
    assert decode_name(octets, 0)[0].labels == name.labels
    assert decode_name(octets, 0)[1] == end_of_plain_name(octets, 0) == skip_name(octets, 0)


@given(st.binary(max_size=40))
def test_octets_are_a_name_or_refused(octets: bytes) -> None:
    try:
        name, stop = decode_name(octets, 0)
    except (Truncated, MalformedName):
        return
    assert octets[:stop] == encode_name(name)


@given(names, records, records)
def test_records_are_read_back_as_they_were_written(
    question: DomainName, answers: tuple[Record, ...], additional: tuple[Record, ...]
) -> None:
    body = encode_body(question, (answers, (), additional))
    message = read(question, body.counts, body.octets)
    assert [rrset.to_text() for rrset in message.answer] == list(map(text, answers))
    assert [rrset.to_text() for rrset in message.additional] == list(map(text, additional))


@given(names, records, st.integers(0, 300))
def test_a_body_may_be_cut_between_any_two_records(
    question: DomainName, answers: tuple[Record, ...], size: int
) -> None:
    body = encode_body(question, (answers, (), ())).cut(size)
    assert len(body.octets) <= size
    message = read(question, body.counts, body.octets)
    kept = [rrset.to_text() for rrset in message.answer]
    assert kept == list(map(text, answers))[: len(kept)]


@given(names, records, st.integers(1, 200))
def test_many_messages_carry_what_one_would(
    question: DomainName, answers: tuple[Record, ...], size: int
) -> None:
    bodies = encode_bodies(question, (a_copy(record) for record in answers), size)
    messages = [read(question, body.counts, body.octets) for body in bodies]
    found = [rrset.to_text() for message in messages for rrset in message.answer]
    assert found == list(map(text, answers))


def a_copy(record: Record) -> Record:
    """Make an equal record of objects nobody else holds."""
    return Record(parse_domain(str(record.name)), record.type, 5, record.content)


@pytest.mark.parametrize("octets", [b"", b"\3ab", b"\x40", b"\xc0\x0c", b"\1a" * 128 + b"\0"])
def test_what_is_no_written_out_name_is_refused(octets: bytes) -> None:
    with pytest.raises((Truncated, MalformedName)):
        decode_name(octets, 0)


def test_a_service_target_is_written_out() -> None:
    question = parse_domain("_http._tcp.web.default.svc.cluster.local")
    target = parse_domain("web.default.svc.cluster.local")
    record = Record(question, RecordType.SRV, 5, ServiceTarget(0, 100, 80, target))
    body = encode_body(question, ((record,), (), (address_record(target, 5, IPv4Address(1)),)))
    assert encode_name(target) in body.octets
    assert body.octets.count(b"web") == 1
