"""Numbers of addresses: those read from a table are those read by the standard library."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.dataplane.rules.address_numbers import NO_ADDRESS, Blocks, dotted_numbers, ordered


@given(st.lists(st.ip_addresses(v=4)))
def test_canonical_addresses_are_read_together(addresses: list[IPv4Address]) -> None:
    assert dotted_numbers(map(str, addresses)) == list(map(int, addresses))


@pytest.mark.parametrize(
    "odd",
    ["", "10.0.0", "10.0.0.0.1", "10.0.0.256", "010.0.0.1", "10.0.0.1 ", "fd00::1", "db", "."],
)
def test_one_that_is_spelt_otherwise_leaves_all_to_be_read_one_by_one(odd: str) -> None:
    assert dotted_numbers(["10.0.0.1", odd]) is None


@given(st.ip_addresses())
def test_an_address_sorts_by_its_number(address: IPv4Address | IPv6Address) -> None:
    assert ordered(str(address)) == (int(address), str(address))
    assert ordered(address.exploded) == (int(address), str(ip_address(address)))


@given(st.text(max_size=20))
def test_what_is_no_address_has_no_number(text: str) -> None:
    number, spelt = ordered(text)
    assert (number, spelt) == NO_ADDRESS or int(ip_address(spelt)) == number


def test_blocks_beyond_those_remembered_are_read_all_the_same() -> None:
    blocks = Blocks(blocks_max=2)
    for head in [f"10.{number}.{number}" for number in range(5)] * 2:
        assert blocks[head] == int(ip_address(f"{head}.0"))
        assert len(blocks) <= 2
