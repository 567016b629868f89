"""The allocator: examples, then the laws that every pool obeys."""

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.addresses import Address, IPFamily, Prefix
from app.domain.errors import Exhausted
from app.domain.registration.service.allocator import (
    AddressRange,
    Pools,
    Refused,
    address_bands,
    choose_address,
    choose_port,
    claim_address,
    claim_port,
    has_ready_range,
    port_bands,
    release_addresses,
    release_ports,
)
from tests.domain.registration.core import a_pool_of

IPV4, IPV6 = IPFamily.IPV4, IPFamily.IPV6

small_cidrs = st.one_of(
    st.integers(26, 32).map(lambda length: ip_network(f"10.96.0.0/{length}")),
    st.integers(122, 128).map(lambda length: ip_network(f"fd00:10:96::/{length}")),
)
port_ranges = st.integers(1, 60).map(lambda count: range(30_000, 30_000 + count))


@pytest.mark.parametrize(
    ("cidr", "usable", "band", "dynamic"),
    [
        ("10.0.0.0/32", 0, 0, None),
        ("10.0.0.0/31", 0, 0, None),
        ("10.0.0.0/30", 2, 0, ("10.0.0.1", "10.0.0.2")),
        ("10.0.0.0/28", 14, 0, ("10.0.0.1", "10.0.0.14")),
        ("10.0.0.0/27", 30, 16, ("10.0.0.17", "10.0.0.30")),
        ("10.0.0.0/24", 254, 16, ("10.0.0.17", "10.0.0.254")),
        ("10.0.0.0/23", 510, 32, ("10.0.0.33", "10.0.1.254")),
        ("10.0.0.0/20", 4_094, 256, ("10.0.1.1", "10.0.15.254")),
        ("10.0.0.0/12", 1_048_574, 256, ("10.0.1.1", "10.15.255.254")),
        ("fd00:10:96::/128", 0, 0, None),
        ("fd00:10:96::/127", 1, 0, ("fd00:10:96::1", "fd00:10:96::1")),
        ("fd00:10:96::/123", 31, 16, ("fd00:10:96::11", "fd00:10:96::1f")),
        ("fd00:10:96::/108", 1_048_575, 256, ("fd00:10:96::101", "fd00:10:96::f:ffff")),
        (
            "fd00:10:96::/64",
            2**64 - 1,
            256,
            ("fd00:10:96::101", "fd00:10:96:0:ffff:ffff:ffff:ffff"),
        ),
    ],
)
def test_a_prefix_is_divided_by_the_published_formula(
    cidr: str, usable: int, band: int, dynamic: tuple[str, str] | None
) -> None:
    bands = address_bands(ip_network(cidr))
    assert bands.usable == usable
    first, last = bands.static
    assert last - first + 1 == band or usable == 0
    if dynamic is None:
        assert bands.dynamic[0] > bands.dynamic[1]
    else:
        assert bands.dynamic == tuple(int(ip_address(text)) for text in dynamic)


@pytest.mark.parametrize(
    ("first", "last", "dynamic_first"),
    [
        (30_000, 30_000, 30_000),
        (30_000, 30_015, 30_000),
        (30_000, 30_016, 30_016),
        (30_000, 30_511, 30_016),
        (30_000, 30_543, 30_017),
        (30_000, 32_767, 30_086),
        (30_000, 34_095, 30_128),
        (20_000, 40_000, 20_128),
    ],
)
def test_node_ports_are_divided_by_the_published_formula(
    first: int, last: int, dynamic_first: int
) -> None:
    assert port_bands(range(first, last + 1)).dynamic == (dynamic_first, last)


@pytest.mark.parametrize(
    "unusable", ["10.96.0.0", "10.96.0.255", "10.97.0.1", "10.95.255.255", "fd00::1"]
)
def test_an_address_outside_the_usable_ones_is_refused(unusable: str) -> None:
    assert isinstance(claim_address(a_pool_of("10.96.0.0/24"), ip_address(unusable)), Refused)


def test_the_network_address_of_a_small_range_is_usable_where_a_wider_one_covers_it() -> None:
    pools = a_pool_of("10.96.1.0/24", "10.96.0.0/16")
    assert isinstance(claim_address(pools, ip_address("10.96.1.0")), Pools)


def test_a_held_address_is_refused_when_it_is_named() -> None:
    kube_dns = ip_address("10.96.0.10")
    pools = claimed(a_pool_of("10.96.0.0/24"), kube_dns)
    assert claim_address(pools, kube_dns) == Refused("the address is already allocated")


def test_an_address_claimed_between_choices_is_skipped() -> None:
    pools = claimed(a_pool_of("10.96.0.0/24"), ip_address("10.96.0.17"))
    address, _ = choose_address(pools, IPV4)
    assert address == ip_address("10.96.0.18")


def test_a_released_address_is_chosen_only_after_the_rest_of_the_band() -> None:
    first, pools = choose_address(a_pool_of("10.96.0.0/24"), IPV4)
    pools = release_addresses(pools, [first])

    chosen: list[Address] = []
    for _ in range(238):
        address, pools = choose_address(pools, IPV4)
        chosen.append(address)

    assert chosen.index(first) == 237


def test_an_address_claimed_and_released_is_not_the_next_choice() -> None:
    pools = a_pool_of("10.96.0.0/24")
    for last_octet in (17, 18):
        pools = claimed(pools, ip_address(f"10.96.0.{last_octet}"))
    pools = release_addresses(pools, [ip_address("10.96.0.17"), ip_address("10.96.0.18")])
    address, _ = choose_address(pools, IPV4)
    assert address not in (ip_address("10.96.0.17"), ip_address("10.96.0.18"))


def test_the_only_free_address_is_chosen_even_if_just_released() -> None:
    pools = a_pool_of("10.96.0.0/30")
    pools = claimed(pools, ip_address("10.96.0.1"))
    address, pools = choose_address(pools, IPV4)
    again, _ = choose_address(release_addresses(pools, [address]), IPV4)
    assert again == address == ip_address("10.96.0.2")


def test_of_the_last_free_addresses_the_one_free_for_longer_is_chosen_first() -> None:
    pools = a_pool_of("10.0.0.0/27")
    for _ in range(30):
        _, pools = choose_address(pools, IPV4)
    early, late = ip_address("10.0.0.1"), ip_address("10.0.0.2")  # of the static band
    pools = release_addresses(release_addresses(pools, [early]), [late])

    first, pools = choose_address(pools, IPV4)
    second, _ = choose_address(pools, IPV4)

    assert (first, second) == (early, late)


def test_static_bands_wait_until_every_dynamic_one_is_full() -> None:
    pools = a_pool_of("10.0.0.0/27", "10.1.0.0/27")
    chosen: list[Address] = []
    for _ in range(28):
        address, pools = choose_address(pools, IPV4)
        chosen.append(address)
    assert all(int(address) & 0x1F > 16 for address in chosen)
    assert choose_address(pools, IPV4)[0] == ip_address("10.0.0.1")


def test_nothing_is_allocated_from_a_retired_range() -> None:
    retired = AddressRange(ip_network("10.0.0.0/24"), is_ready=False)
    pools = a_pool_of("10.1.0.0/24")
    pools = replace(pools, ranges=(retired, *pools.ranges))

    assert choose_address(pools, IPV4)[0] in ip_network("10.1.0.0/24")
    assert isinstance(claim_address(pools, ip_address("10.0.0.9")), Refused)


def test_a_family_of_retired_ranges_is_configured_and_not_ready() -> None:
    pools = Pools(ranges=(AddressRange(ip_network("10.0.0.0/24"), is_ready=False),))
    assert pools.families == (IPV4,)
    assert not has_ready_range(pools, IPV4)


def test_an_address_outside_every_range_is_just_released() -> None:
    stray = ip_address("192.0.2.1")
    pools = a_pool_of("10.0.0.0/24")
    held = {**pools.held_addresses, IPV4: pools.held_addresses[IPV4].hold(int(stray))}
    freed = release_addresses(replace(pools, held_addresses=held), [stray])
    assert not freed.holds(stray)
    assert freed.cursors == pools.cursors


def test_families_are_in_the_order_of_the_ranges() -> None:
    pools = a_pool_of("fd00::/112", "10.0.0.0/24", "fd01::/112")
    assert pools.families == (IPV6, IPV4)
    assert pools.default_family == IPV6
    assert Pools().default_family == IPV4


@pytest.mark.parametrize("outside", [0, 80, 29_999, 32_768, 70_000, -1])
def test_a_node_port_outside_the_range_is_refused(outside: int) -> None:
    assert isinstance(claim_port(Pools(), outside), Refused)


def test_node_ports_are_chosen_above_the_static_band_and_not_reused_immediately() -> None:
    first, pools = choose_port(Pools())
    second, pools = choose_port(release_ports(pools, [first]))
    assert (first, second) == (30_086, 30_087)


def test_a_port_outside_the_range_is_just_released() -> None:
    pools = release_ports(Pools(held_ports=Pools().held_ports.hold(40_000)), [40_000])
    assert 40_000 not in pools.held_ports


@given(small_cidrs, st.integers(0, 200))
@settings(deadline=None)
def test_every_usable_address_is_chosen_once_and_then_the_pool_is_exhausted(
    prefix: Prefix, cursor: int
) -> None:
    pools = a_pool_of(str(prefix))
    pools = replace(pools, cursors={str(prefix): int(prefix.network_address) + cursor})
    family = pools.default_family
    usable = address_bands(prefix).usable

    given_out: list[Address] = []
    for _ in range(usable):
        address, pools = choose_address(pools, family)
        given_out.append(address)

    assert len(set(given_out)) == usable
    assert all(address in prefix and address != prefix[0] for address in given_out)
    with pytest.raises(Exhausted):
        choose_address(pools, family)


@given(port_ranges, st.integers(29_990, 30_080))
@settings(deadline=None)
def test_every_node_port_is_chosen_once_and_then_the_pool_is_exhausted(
    node_ports: range, cursor: int
) -> None:
    pools = Pools(node_ports=node_ports, cursors={"nodePorts": cursor})
    given_out: list[int] = []
    for _ in node_ports:
        number, pools = choose_port(pools)
        given_out.append(number)

    assert sorted(given_out) == list(node_ports)
    with pytest.raises(Exhausted):
        choose_port(pools)


@given(small_cidrs, st.sets(st.integers(0, 130)))
@settings(deadline=None)
def test_a_chosen_address_could_have_been_claimed(prefix: Prefix, offsets: set[int]) -> None:
    pools = a_pool_of(str(prefix))
    for offset in sorted(offsets):
        if offset < prefix.num_addresses:
            outcome = claim_address(pools, prefix[offset])
            pools = outcome if isinstance(outcome, Pools) else pools
    try:
        address, after = choose_address(pools, pools.default_family)
    except Exhausted:
        return
    could = claim_address(pools, address)
    assert isinstance(could, Pools)
    assert could.held_addresses == after.held_addresses


@given(small_cidrs, st.lists(st.integers(0, 127), max_size=20))
@settings(deadline=None)
def test_a_released_address_may_be_chosen_again(prefix: Prefix, offsets: list[int]) -> None:
    pools, held = a_pool_of(str(prefix)), list[Address]()
    for _ in range(address_bands(prefix).usable):
        address, pools = choose_address(pools, pools.default_family)
        held.append(address)
    freed = {held[offset % len(held)] for offset in offsets} if held else set[Address]()
    pools = release_addresses(pools, sorted(freed, key=int))

    again: set[Address] = set()
    for _ in freed:
        address, pools = choose_address(pools, pools.default_family)
        again.add(address)

    assert again == freed


def claimed(pools: Pools, address: Address) -> Pools:
    """Claim an address that must be free."""
    outcome = claim_address(pools, address)
    assert isinstance(outcome, Pools), outcome
    return outcome
