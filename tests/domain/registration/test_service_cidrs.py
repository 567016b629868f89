"""ServiceCIDRs: validation, and when a range may be removed."""

from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.addresses import IPFamily
from app.domain.registration import service_cidrs
from app.domain.registration.service.allocator import Pools
from app.domain.registration.service_cidrs import first_dependent
from tests.builders import a_service_cidr
from tests.domain.registration.core import reasons


@pytest.mark.parametrize(
    ("cidrs", "expected"),
    [
        (("10.96.0.0/12",), []),
        (("10.96.0.0/12", "fd00::/112"), []),
        (("10.0.0.0/8", "fd00::/112", "10.1.0.0/16"), [("spec.cidrs", "Invalid")]),
        (("10.0.0.0/8", "10.1.0.0/16"), [("spec.cidrs", "Invalid")]),
        (("10.0.0.0/8", "x"), [("spec.cidrs", "Invalid")]),
        (("10.0.0.1/8",), [("spec.cidrs[0]", "Invalid")]),
        (("fd00:0::/112",), [("spec.cidrs[0]", "Invalid")]),
        (("fd00::/63",), [("spec.cidrs[0]", "Invalid")]),
    ],
)
def test_a_range_is_checked(cidrs: tuple[str, ...], expected: list[tuple[str, str]]) -> None:
    assert reasons(service_cidrs.STRATEGY.violations(None, a_service_cidr(*cidrs))) == expected


def test_a_range_without_prefixes_is_refused() -> None:
    empty = service_cidrs.ServiceCIDR(metadata=a_service_cidr().metadata)
    assert reasons(service_cidrs.STRATEGY.violations(None, empty)) == [("spec.cidrs", "Required")]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (("10.0.0.0/24",), ("10.0.0.0/24",), []),
        (("10.0.0.0/24",), ("10.0.0.0/24", "fd00::/112"), []),
        (("10.0.0.0/24",), ("10.0.0.0/24", "10.1.0.0/24"), [("spec.cidrs", "Invalid")]),
        (("10.0.0.0/24",), ("fd00::/112", "10.0.0.0/24"), [("spec.cidrs[0]", "Invalid")]),
        (("10.0.0.0/24",), ("10.1.0.0/24",), [("spec.cidrs[0]", "Invalid")]),
        (("10.0.0.0/24", "fd00::/112"), ("10.0.0.0/24",), [("spec.cidrs", "Invalid")]),
    ],
)
def test_a_range_may_only_gain_the_other_family(
    before: tuple[str, ...], after: tuple[str, ...], expected: list[tuple[str, str]]
) -> None:
    change = (a_service_cidr(*before), a_service_cidr(*after))
    assert reasons(service_cidrs.STRATEGY.violations(*change)) == expected


offsets = st.sets(st.integers(0, 255), max_size=6)
subnets = st.lists(
    st.tuples(st.integers(0, 255), st.integers(24, 32)).map(
        lambda drawn: ip_network((f"10.0.0.{drawn[0]}", drawn[1]), strict=False)
    ),
    max_size=4,
)


@given(offsets, subnets, subnets)
def test_a_range_may_be_removed_when_every_address_has_another(
    held_offsets: set[int], own: list[Any], others: list[Any]
) -> None:
    held = dict(Pools().held_addresses)
    addresses = {ip_address(f"10.0.0.{offset}") for offset in held_offsets}
    for address in addresses:
        held[IPFamily.IPV4] = held[IPFamily.IPV4].hold(int(address))

    dependent = {
        address
        for address in addresses
        if any(address in prefix for prefix in own)
        and not any(address in prefix for prefix in others)
    }
    first = first_dependent(own, others, held)

    assert (first is None) == (not dependent)
    assert first is None or first in dependent


def test_a_wide_range_costs_no_scan() -> None:
    held = dict(Pools().held_addresses)
    last = ip_address("fd00::ffff:ffff:ffff:ffff")
    held[IPFamily.IPV6] = held[IPFamily.IPV6].hold(int(last))
    assert first_dependent([ip_network("fd00::/64")], [], held) == last
    assert first_dependent([ip_network("fd00::/64")], [ip_network("fd00::/48")], held) is None
