"""Reading an answer: aliases are followed, other records ignored, and addresses sorted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.discovery.resolvers.answer_section import (
    C_ARES,
    GLIBC,
    GO,
    MUSL,
    OrderRules,
    ordered,
    read,
)
from app.domain.discovery.resolvers.lookup import Candidate, Network, Rcode, Record, Reply
from app.domain.names import parse_domain

WEB = Candidate(name=parse_domain("web.test."), source="as-is")
ALIAS = ("web.test.", "CNAME", "srv.test.")
OTHER = ("other.test.", "A", "192.0.2.9")


def record(name: str, rtype: str, value: str) -> Record:
    return Record(name=parse_domain(name), rtype=rtype, ttl_s=5, value=value)


def reply(*rows: tuple[str, str, str]) -> Reply:
    return Reply(rcode=Rcode.NOERROR, records=tuple(record(*row) for row in rows))


@pytest.mark.parametrize(
    ("rows", "addresses", "canonical"),
    [
        ([("web.test.", "A", "192.0.2.1")], ("192.0.2.1",), "web.test"),
        ([ALIAS, ("srv.test.", "A", "192.0.2.1")], ("192.0.2.1",), "srv.test"),
        ([OTHER, ("web.test.", "A", "192.0.2.1")], ("192.0.2.1",), "web.test"),
        ([OTHER, ALIAS], (), "srv.test"),
        # An address of an earlier name of the chain is ignored.
        ([ALIAS, ("web.test.", "A", "192.0.2.1")], (), "srv.test"),
    ],
)
def test_only_addresses_at_the_end_of_the_chain_count(
    rows: list[tuple[str, str, str]], addresses: tuple[str, ...], canonical: str
) -> None:
    reading = read(WEB, [reply(*rows)])
    assert (reading.addresses, reading.canonical_name) == (addresses, canonical)
    assert reading.records == reply(*rows).records


def test_the_replies_of_two_types_share_their_aliases() -> None:
    four = reply(ALIAS, ("srv.test.", "A", "192.0.2.1"))
    six = reply(ALIAS, ("srv.test.", "AAAA", "2001:db8::1"))
    reading = read(WEB, [four, six])
    assert reading.addresses == ("192.0.2.1", "2001:db8::1")
    assert [each.rtype for each in reading.records] == ["CNAME", "A", "AAAA"]


# The order of addresses.

RULES = [GLIBC, MUSL, C_ARES, GO]
V4 = Network()
DUAL = Network(ipv6="2001:db8:1::2")
NONE = Network(ipv4=None)

_addresses = st.lists(st.ip_addresses().map(str), max_size=8)
_networks = st.sampled_from([V4, DUAL, NONE])


@pytest.mark.parametrize("rules", RULES)
def test_without_ipv6_the_ipv4_addresses_come_first(rules: OrderRules) -> None:
    assert ordered(["2001:db8::1", "192.0.2.1"], V4, rules) == ("192.0.2.1", "2001:db8::1")


@pytest.mark.parametrize("rules", RULES)
def test_with_both_families_global_ipv6_comes_first_and_private_last(rules: OrderRules) -> None:
    found = ["192.0.2.1", "fd00::1", "2001:db8::1"]
    assert ordered(found, DUAL, rules) == ("2001:db8::1", "192.0.2.1", "fd00::1")


def test_with_nothing_routable_the_tables_decide() -> None:
    found = ["192.0.2.1", "fd00::1", "2001:db8::1"]
    assert ordered(found, NONE, GLIBC) == ("fd00::1", "2001:db8::1", "192.0.2.1")
    assert ordered(found, NONE, MUSL) == ("2001:db8::1", "192.0.2.1", "fd00::1")
    assert ordered(found, NONE, GO) == tuple(found)


def test_the_ipv6_address_nearest_to_our_own_comes_first() -> None:
    found = ["2001:db8:ffff::1", "2001:db8:1::77"]
    assert ordered(found, DUAL, GLIBC) == ("2001:db8:1::77", "2001:db8:ffff::1")


def test_musl_leaves_ipv4_alone_in_the_servers_order() -> None:
    found = ("192.0.2.9", "127.0.0.1", "10.244.0.9")
    assert ordered(found, V4, MUSL) == found


@pytest.mark.parametrize("rules", RULES)
@given(addresses=_addresses, network=_networks)
def test_nothing_is_lost_and_sorting_twice_changes_nothing(
    rules: OrderRules, addresses: list[str], network: Network
) -> None:
    once = ordered(addresses, network, rules)
    assert sorted(once) == sorted(addresses)
    assert ordered(once, network, rules) == once
