"""Upstream replies are cached for their TTL, by the rules of RFC 2308."""

import tracemalloc
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dns.counters import Count
from app.dns.messages.message import Rcode
from app.dns.messages.wire import encode_name
from app.dns.upstream.cache import (
    BYTES_MAX,
    FAILURE_TTL_S,
    NEGATIVE_TTL_S_MAX,
    POSITIVE_TTL_S_MAX,
    STALE_S,
    STALE_TTL_S,
    Cache,
    memory_bytes,
)
from app.dns.upstream.message import parse_reply
from app.dns.upstream.question import UpstreamQuery, UpstreamReply
from app.domain.names import parse_domain
from tests.dns.upstream.test_question import QUERY, parsed

ALIAS = "www.example.com. {} CNAME a.test."


def answered(ttl_s: int) -> UpstreamReply:
    return parsed(f"www.example.com. {ttl_s} A 192.0.2.1")


def soa(ttl_s: int, minimum_s: int) -> str:
    return f"ns example.com. {ttl_s} SOA ns.test. host.test. 1 2 3 4 {minimum_s}"


def denied(ttl_s: int, minimum_s: int) -> UpstreamReply:
    return parsed(soa(ttl_s, minimum_s), rcode="NXDOMAIN")


FAILURE = parsed(rcode="SERVFAIL")


def test_ttls_count_down_and_case_does_not_matter() -> None:
    cache = Cache()
    cache.keep(QUERY, answered(60), 1000)
    upper = replace(QUERY, question=encode_name(parse_domain("WWW.Example.com")) + b"\0\1\0\1")
    hit = cache.find(upper, 1013.5)
    assert hit is not None
    assert hit.sections[0][0].ttl_s == 47
    assert cache.find(QUERY, 1060) is None
    assert cache.find(replace(QUERY, is_dnssec_ok=True), 1001) is None


def test_nothing_is_cached_longer_than_the_maximum() -> None:
    cache = Cache()
    cache.keep(QUERY, answered(10**6), 0)
    assert cache.find(QUERY, POSITIVE_TTL_S_MAX - 1)
    assert not cache.find(QUERY, POSITIVE_TTL_S_MAX)
    cache.keep(QUERY, denied(10**6, 10**6), 0)
    assert cache.find(QUERY, NEGATIVE_TTL_S_MAX - 1)
    assert not cache.find(QUERY, NEGATIVE_TTL_S_MAX)


@pytest.mark.parametrize("rcode", ["NOERROR", "NXDOMAIN"])
@pytest.mark.parametrize("aliases", [[], [ALIAS.format(300)]])
def test_a_denial_is_cached_by_its_soa_and_not_without_one(rcode: str, aliases: list[str]) -> None:
    cache = Cache()
    cache.keep(QUERY, parsed(*aliases, soa(900, 20), rcode=rcode), 0)
    hit = cache.find(QUERY, 19)
    assert hit is not None
    assert [record.ttl_s for record in hit.sections[1]] == [1]
    assert not cache.find(QUERY, 20)
    cache.keep(QUERY, parsed(*aliases, soa(15, 900), rcode=rcode), 100)
    assert cache.find(QUERY, 114)
    assert not cache.find(QUERY, 115)
    cache.keep(QUERY, parsed(*aliases, rcode=rcode), 200)
    assert not cache.find(QUERY, 200)


def test_a_denial_expires_with_the_alias_before_it() -> None:
    cache = Cache()
    cache.keep(QUERY, parsed(ALIAS.format(10), soa(900, 60)), 0)
    assert cache.find(QUERY, 9)
    assert not cache.find(QUERY, 10)


def test_a_referral_is_not_cached() -> None:
    cache = Cache()
    cache.keep(QUERY, parsed("ns example.com. 900 NS ns.example.com."), 0)
    assert cache.sizes == (0, 0)


def test_a_truncated_reply_is_not_cached() -> None:
    cache = Cache()
    cache.keep(QUERY, replace(answered(60), is_truncated=True), 0)
    assert cache.sizes == (0, 0)


def test_an_additional_record_may_expire_before_the_answer() -> None:
    glue = parsed("ns.example.com. 10 A 192.0.2.53").sections[0]
    answers, authority, _ = answered(60).sections
    cache = Cache()
    cache.keep(QUERY, replace(answered(60), sections=(answers, authority, glue)), 0)
    for age_s, kept in ((9, 1), (10, 0), (59, 0)):
        hit = cache.find(QUERY, age_s)
        assert hit is not None
        assert len(hit.sections[2]) == kept
        assert len(hit.sections[0]) == 1


def test_a_failure_is_cached_for_a_few_seconds() -> None:
    cache = Cache()
    cache.keep(QUERY, FAILURE, 20)
    assert cache.find(QUERY, 20 + FAILURE_TTL_S - 1)
    assert cache.find(QUERY, 20 + FAILURE_TTL_S) is None


def test_a_stale_answer_is_used_while_servers_fail() -> None:
    cache = Cache()
    cache.keep(QUERY, answered(10), 0)
    cache.keep(QUERY, FAILURE, 20)
    for now, even_stale in ((20, False), (20 + FAILURE_TTL_S, True)):
        stale = cache.find(QUERY, now, even_stale=even_stale)
        assert stale is not None
        assert stale.rcode == Rcode.NOERROR
        assert [record.ttl_s for record in stale.sections[0]] == [STALE_TTL_S]
    assert cache.counts[Count.CACHE_STALE] == 2
    assert cache.find(QUERY, 20 + FAILURE_TTL_S) is None
    assert cache.find(QUERY, 10 + STALE_S, even_stale=True) is None


@pytest.mark.parametrize(
    ("reply", "is_replaced"),
    [
        (denied(900, 60), True),
        (parsed(rcode="NXDOMAIN"), True),
        (parsed(soa(900, 60)), True),
        (answered(0), True),
        # Neither reply denies the name.
        (parsed(ALIAS.format(300)), False),
        (parsed(), False),
        (FAILURE, False),
        (parsed(rcode="REFUSED"), False),
    ],
)
def test_a_stale_answer_stays_until_a_server_answers_otherwise(
    reply: UpstreamReply, *, is_replaced: bool
) -> None:
    cache = Cache()
    cache.keep(QUERY, answered(10), 0)
    cache.keep(QUERY, reply, 20)
    cache.find(QUERY, 100, even_stale=True)
    assert (not cache.counts[Count.CACHE_STALE]) == is_replaced


def test_the_cache_is_bounded_and_evicts_the_least_recently_used() -> None:
    cache = Cache(kept_max=3)
    names = [f"{letter}.example.com" for letter in "abcde"]
    queries = [
        replace(QUERY, question=encode_name(parse_domain(name)) + b"\0\1\0\1") for name in names
    ]
    replies = [
        parsed(f"{name}. 60 A 192.0.2.1", query=query)
        for name, query in zip(names, queries, strict=True)
    ]
    for query, reply in zip(queries[:3], replies[:3], strict=True):
        cache.keep(query, reply, 0)
    assert cache.find(queries[0], 1)
    for query, reply in zip(queries[3:], replies[3:], strict=True):
        cache.keep(query, reply, 1)
    assert cache.sizes == (3, 0)
    assert [bool(cache.find(query, 2)) for query in queries] == [True, False, False, True, True]


# Memory.


def asked(number: int, type_: int = 16) -> UpstreamQuery:
    name = encode_name(parse_domain(f"n{number}.example.com"))
    return UpstreamQuery(name + type_.to_bytes(2) + b"\0\1")


def texts(query: UpstreamQuery, *, count: int, size_bytes: int, ttl_s: int = 600) -> UpstreamReply:
    """Make a reply with ``count`` TXT records of a size under a name."""
    data = size_bytes - 1
    record = b"\xc0\x0c\0\x10\0\1" + ttl_s.to_bytes(4) + size_bytes.to_bytes(2) + bytes((data,))
    message = query.encode(7, 1232)
    header = message[:2] + b"\x81\x80\0\1" + count.to_bytes(2) + bytes(4)
    octets = header + query.question + count * (record + b"x" * data)
    reply = parse_reply(octets, message)
    assert reply is not None
    return reply


@pytest.mark.parametrize(("count", "size_bytes"), [(1, 5), (12, 60), (200, 5), (200, 250)])
def test_the_memory_of_a_reply_is_estimated_within_a_factor_of_two(
    count: int, size_bytes: int
) -> None:
    cache, number = Cache(), 200
    cache.keep(asked(number), texts(asked(number), count=count, size_bytes=size_bytes), 0)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    estimated = cache.size_bytes
    for each in range(number):
        cache.keep(asked(each), texts(asked(each), count=count, size_bytes=size_bytes), each / 7)
    taken = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert taken <= cache.size_bytes - estimated <= 2 * taken


def test_memory_is_bounded_and_the_least_recently_used_is_evicted() -> None:
    one = memory_bytes(asked(0), texts(asked(0), count=50, size_bytes=250))
    cache = Cache(bytes_max=2 * (3 * one + one // 2))
    for number in range(10):
        query = asked(number)
        cache.keep(query, texts(query, count=50, size_bytes=250), 0)
        assert cache.find(asked(0), 0)
        assert cache.size_bytes <= 4 * one
    kept = [number for number in range(10) if cache.find(asked(number), 0)]
    assert kept == [0, 8, 9]
    assert cache.counts[Count.CACHE_EVICTIONS] == 7
    small = texts(asked(50), count=1, size_bytes=5)
    cache.keep(asked(50), small, 0)
    assert cache.sizes == (4, 0)


def test_a_reply_larger_than_the_cache_is_not_cached_and_evicts_nothing() -> None:
    small, large = asked(1), asked(2)
    cache = Cache(bytes_max=2 * memory_bytes(small, texts(small, count=2, size_bytes=5)))
    cache.keep(small, texts(small, count=1, size_bytes=5), 0)
    cache.keep(large, texts(large, count=200, size_bytes=250), 0)
    assert cache.find(small, 0)
    assert not cache.find(large, 0)
    nothing = Cache(bytes_max=0)
    nothing.keep(small, texts(small, count=1, size_bytes=5), 0)
    assert (nothing.sizes, nothing.size_bytes) == ((0, 0), 0)


def test_the_largest_replies_fill_the_cache_only_to_its_bound() -> None:
    cache = Cache()
    for number in range(40):
        query = asked(number, type_=1)
        reply = parse_reply(a_message_of_addresses(query), query.encode(7, 1232))
        assert reply is not None
        cache.keep(query, reply, 0)
    assert cache.size_bytes <= BYTES_MAX // 2
    assert 0 < cache.sizes[0] < 40


def test_denials_are_bounded_in_memory_and_evict_no_answers() -> None:
    cache = Cache(bytes_max=64 * 1024)
    cache.keep(QUERY, answered(60), 0)
    for number in range(200):
        query = asked(number)
        cache.keep(query, parsed(soa(900, 60), query=query, rcode="NXDOMAIN"), 0)
    answers, denials = cache.sizes
    assert (answers, 0 < denials < 200) == (1, True)
    assert cache.size_bytes <= 64 * 1024


def test_removed_replies_take_no_memory() -> None:
    cache = Cache()
    for reply in (answered(60), denied(900, 60), answered(60), answered(0)):
        cache.keep(QUERY, reply, 0)
    assert (cache.sizes, cache.size_bytes) == ((0, 0), 0)


def a_message_of_addresses(query: UpstreamQuery) -> bytes:
    header = query.encode(7, 1232)[:2] + b"\x81\x80\0\1" + (4_000).to_bytes(2) + bytes(4)
    record = b"\xc0\x0c\0\1\0\1\0\0\2\x58\0\4"
    addresses = (record + number.to_bytes(4) for number in range(4_000))
    return header + query.question + b"".join(addresses)


# Laws.

ttls = st.integers(0, 8)
answer_sections = st.one_of(
    st.just(list[str]()),
    ttls.map(lambda ttl_s: [ALIAS.format(ttl_s)]),
    ttls.map(lambda ttl_s: [f"www.example.com. {ttl_s} A 192.0.2.1"]),
    st.tuples(ttls, ttls, ttls).map(
        lambda each: [
            ALIAS.format(each[0]),
            f"a.test. {each[1]} A 192.0.2.1",
            f"a.test. {each[2]} A 192.0.2.2",
        ]
    ),
)
authority_sections = st.one_of(
    st.just(list[str]()),
    st.just(["ns example.com. 5 NS ns.example.com."]),
    st.builds(soa, ttls, ttls).map(lambda line: [line]),
)
rcodes = st.sampled_from(["NOERROR", "NXDOMAIN", "SERVFAIL", "REFUSED", "FORMERR"])


@given(answer_sections, authority_sections, rcodes, st.integers(0, 12))
def test_no_record_outlives_its_ttl(
    answers: list[str], authority: list[str], rcode: str, age_s: int
) -> None:
    reply = parsed(*answers, *authority, rcode=rcode)
    cache = Cache()
    cache.keep(QUERY, reply, 0)
    hit = cache.find(QUERY, age_s)
    if hit is None or rcode == "SERVFAIL":
        assert hit is None or age_s < FAILURE_TTL_S
        return
    is_answer = any(" A " in line for line in answers) and rcode == "NOERROR"
    assert is_answer or (rcode in ("NOERROR", "NXDOMAIN") and any("SOA" in a for a in authority))
    before = [record for section in reply.sections for record in section]
    now = [record for section in hit.sections for record in section]
    assert [record.ttl_s - age_s for record in before] == [record.ttl_s for record in now]
    assert all(record.ttl_s > 0 for record in now)
