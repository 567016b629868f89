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
)
from app.domain.discovery.resolvers.lookup import Network

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
