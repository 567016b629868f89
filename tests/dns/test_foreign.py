"""What other servers say: read to the end or not at all; kept for as long as it says."""

from dataclasses import replace

import dns.message
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dns.cache import FAILURE_TTL_S, NEGATIVE_TTL_S_MAX, POSITIVE_TTL_S_MAX, STALE_S, Cache
from app.dns.foreign import ForeignQuery, ForeignReply, parse_reply
from app.dns.messages import Rcode
from app.dns.wire import RawRecord, encode_body, encode_name
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


def a_record(ttl_s: int, type_: int = 1, data: bytes = bytes(4)) -> RawRecord:
    return RawRecord(encode_name(NAME), type_, 1, ttl_s, data)


def answered(ttl_s: int) -> ForeignReply:
    return ForeignReply(Rcode.NOERROR, False, ((a_record(ttl_s),), (), ()))  # noqa: FBT003


def denied(ttl_s: int, minimum_s: int) -> ForeignReply:
    soa = a_record(ttl_s, 6, b"\0\0" + bytes(16) + minimum_s.to_bytes(4))
    return ForeignReply(Rcode.NXDOMAIN, False, ((), (soa,), ()))  # noqa: FBT003


def test_times_to_live_run_down_and_the_spelling_does_not_matter() -> None:
    cache = Cache()
    cache.keep(QUERY, answered(60), 1000)
    upper = replace(QUERY, question=encode_name(parse_domain("WWW.Example.com")) + b"\0\1\0\1")
    hit = cache.find(upper, 1013.5)
    assert hit is not None
    assert hit.reply.sections[0][0].ttl_s == 47
    assert cache.find(QUERY, 1060) is None
    assert cache.find(replace(QUERY, is_dnssec_ok=True), 1001) is None


def test_nothing_is_kept_longer_than_allowed() -> None:
    cache = Cache()
    cache.keep(QUERY, answered(10**6), 0)
    assert cache.find(QUERY, POSITIVE_TTL_S_MAX - 1)
    assert not cache.find(QUERY, POSITIVE_TTL_S_MAX)
    cache.keep(QUERY, denied(10**6, 10**6), 0)
    assert cache.find(QUERY, NEGATIVE_TTL_S_MAX - 1)
    assert not cache.find(QUERY, NEGATIVE_TTL_S_MAX)


def test_a_denial_lives_as_long_as_its_soa_allows_and_without_one_not_at_all() -> None:
    cache = Cache()
    cache.keep(QUERY, denied(900, 20), 0)
    assert cache.find(QUERY, 19)
    assert not cache.find(QUERY, 20)
    cache.keep(QUERY, ForeignReply(Rcode.NXDOMAIN, False, ((), (), ())), 100)  # noqa: FBT003
    assert not cache.find(QUERY, 100)


def test_a_failure_is_kept_for_a_moment_and_does_not_replace_an_answer() -> None:
    cache = Cache()
    cache.keep(QUERY, answered(10), 0)
    cache.keep(QUERY, ForeignReply(Rcode.SERVFAIL, False, ((), (), ())), 20)  # noqa: FBT003
    assert cache.find(QUERY, 20 + FAILURE_TTL_S - 1)
    stale = cache.find(QUERY, 20 + FAILURE_TTL_S, even_stale=True)
    assert stale is not None
    assert stale.is_stale
    assert cache.find(QUERY, 10 + STALE_S, even_stale=True) is None


def test_the_cache_is_bounded_and_what_is_used_stays() -> None:
    cache = Cache(positive_max=3)
    queries = [replace(QUERY, question=bytes((1, 97 + n)) + b"\0\0\1\0\1") for n in range(5)]
    for query in queries[:3]:
        cache.keep(query, answered(60), 0)
    assert cache.find(queries[0], 1)
    for query in queries[3:]:
        cache.keep(query, answered(60), 1)
    assert cache.sizes == (3, 0)
    assert [bool(cache.find(query, 2)) for query in queries] == [True, False, False, True, True]
