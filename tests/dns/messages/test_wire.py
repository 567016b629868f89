"""Names and records in wire form, read back by dnspython."""

import struct
from collections import Counter
from ipaddress import IPv4Address
from itertools import groupby

import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dns.messages.wire import (
    SHAPE_RECORDS_MAX,
    RawRecord,
    Section,
    Truncated,
    decode_name,
    encode_bodies,
    encode_body,
    encode_name,
    end_of_plain_name,
    skip_name,
)
from app.domain.discovery.zone.records import (
    Record,
    RecordType,
    ServiceTarget,
    StartOfAuthority,
    address_record,
)
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
    # Additional records are grouped by RRset, so that an RRset can be omitted as a whole.
    sent = [rrset.to_text() for rrset in message.additional]
    assert sorted(sent) == sorted(map(text, additional))
    assert [key for key, _ in groupby(map(set_of, sent))] == list(
        dict.fromkeys(set_of(text(record)) for record in additional)
    )


def set_of(line: str) -> tuple[str, str]:
    """Return the owner and the type of a record, which identify its RRset."""
    owner, _, _, type_, _ = line.lower().split(None, 4)
    return owner, type_


@given(names, records, records, st.integers(0, 700))
def test_answers_are_kept_before_extra_records_which_are_omitted_by_rrset(
    question: DomainName, answers: tuple[Record, ...], additional: tuple[Record, ...], size: int
) -> None:
    whole = encode_body(question, (answers, (), additional))
    body, is_short = whole.cut(size)
    assert len(body.octets) <= size
    message = read(question, body.counts, body.octets)
    kept = [rrset.to_text() for rrset in message.answer]
    assert kept == list(map(text, answers))[: len(kept)]
    assert is_short == (len(kept) < len(answers))
    sent = [rrset.to_text() for rrset in message.additional]
    assert not (is_short and sent)
    sizes = Counter(map(set_of, map(text, additional)))
    assert all(count == sizes[key] for key, count in Counter(map(set_of, sent)).items())
    if len(whole.octets) <= size:
        assert body is whole


SOA_RECORD = Record(
    parse_domain("example.com"),
    RecordType.SOA,
    5,
    StartOfAuthority(
        primary=parse_domain("ns.example.com"),
        mailbox=parse_domain("host.example.com"),
        serial=1,
        refresh_s=2,
        retry_s=3,
        expire_s=4,
        minimum_s=5,
    ),
)
OWNER = parse_domain("www.example.com")
ANSWER, ALIAS = address_record(OWNER, 5, IPv4Address(1)), a_record(OWNER, parse_domain("a.test"))
SERVERS = tuple(
    RawRecord(encode_name(parse_domain("example.com")), 2, 1, 5, encode_name(parse_domain(name)))
    for name in ("ns1.example.com", "ns2.example.com")
)


@pytest.mark.parametrize(
    ("answers", "authority", "is_needed"),
    [
        ((), (SOA_RECORD,), True),
        ((ALIAS,), (SOA_RECORD,), True),
        ((), SERVERS, True),
        ((ANSWER,), SERVERS, False),
        ((ANSWER,), (RawRecord(encode_name(OWNER), 47, 1, 5, bytes(9)),), True),
    ],
)
def test_an_authority_section_is_needed_for_a_denial_and_without_answers(
    answers: Section, authority: Section, *, is_needed: bool
) -> None:
    glue = address_record(parse_domain("ns1.example.com"), 5, IPv4Address(2))
    whole = encode_body(OWNER, (answers, authority, (glue,)))
    last = whole.ends[1][-1]
    for size, is_short in ((len(whole.octets) - 1, False), (last, False), (last - 1, is_needed)):
        body, is_cut = whole.cut(size)
        assert is_cut == is_short
        assert body.counts[0] == len(answers)
        assert body.counts[2] == 0
    body, _ = whole.cut(last - 1)
    assert body.counts[1] == (len(authority) - 1 if is_needed else 0)


@given(names, records, st.integers(1, 200))
def test_several_messages_together_have_the_records_of_one(
    question: DomainName, answers: tuple[Record, ...], size: int
) -> None:
    bodies = encode_bodies(question, (a_copy(record) for record in answers), size)
    messages = [read(question, body.counts, body.octets) for body in bodies]
    found = [rrset.to_text() for message in messages for rrset in message.answer]
    assert found == list(map(text, answers))


def a_copy(record: Record) -> Record:
    """Make an equal record from new objects."""
    return Record(parse_domain(str(record.name)), record.type, 5, record.content)


@pytest.mark.parametrize("octets", [b"", b"\3ab", b"\x40", b"\xc0\x0c", b"\1a" * 128 + b"\0"])
def test_a_compressed_or_malformed_name_is_refused(octets: bytes) -> None:
    with pytest.raises((Truncated, MalformedName)):
        decode_name(octets, 0)


def test_a_service_target_is_not_compressed() -> None:
    question = parse_domain("_http._tcp.web.default.svc.cluster.local")
    target = parse_domain("web.default.svc.cluster.local")
    record = Record(question, RecordType.SRV, 5, ServiceTarget(0, 100, 80, target))
    body = encode_body(question, ((record,), (), (address_record(target, 5, IPv4Address(1)),)))
    assert encode_name(target) in body.octets
    assert body.octets.count(b"web") == 1


@pytest.mark.parametrize(
    ("count", "is_one"), [(SHAPE_RECORDS_MAX, True), (SHAPE_RECORDS_MAX + 1, False)]
)
def test_small_shapes_are_shared_and_large_ones_are_not_cached(count: int, *, is_one: bool) -> None:
    question = parse_domain("www.example.com")
    addresses = tuple(address_record(question, 5, IPv4Address(number)) for number in range(count))
    first, second = (encode_body(question, (addresses, (), ())) for _ in range(2))
    assert first == second
    assert (first.ends is second.ends) is is_one
