"""Addresses in text form: lenient parsing, one canonical spelling."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.addresses import (
    IPFamily,
    canonical,
    family_of,
    family_of_text,
    forget_addresses,
    has_leading_zeros,
    is_ipv4_mapped,
    parse_address,
    parse_prefix,
)

addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("10.96.0.10", "10.96.0.10"),
        ("010.096.000.010", "10.96.0.10"),
        ("FD00:0:0::1", "fd00::1"),
        ("::ffff:010.0.0.1", "::ffff:10.0.0.1"),
    ],
)
def test_an_address_is_parsed_leniently(text: str, address: str) -> None:
    assert parse_address(text) == ip_address(address)
    assert canonical(text) == str(ip_address(address))


def test_addresses_are_parsed_the_same_after_the_caches_are_cleared() -> None:
    text = "FD00:0:0::1"
    before = parse_address(text), canonical(text), family_of_text(text)
    forget_addresses()
    assert parse_address.cache_info().currsize == 0
    assert (parse_address(text), canonical(text), family_of_text(text)) == before


@pytest.mark.parametrize(
    "text",
    ["", "None", "10.0.0", "10.0.0.0.1", "10..0.1", "fe80::1%1", "1" * 65, "\uff11.1.1.1", "a b"],
)
def test_other_text_is_not_an_address(text: str) -> None:
    assert parse_address(text) is None
    assert family_of_text(text) is None
    assert canonical(text) == text


@pytest.mark.parametrize(
    ("text", "prefix"),
    [("10.1.2.3/8", "10.0.0.0/8"), ("fd00::1/064", "fd00::/64"), ("::/0", "::/0")],
)
def test_a_prefix_loses_its_host_bits(text: str, prefix: str) -> None:
    assert parse_prefix(text) == ip_network(prefix)


@pytest.mark.parametrize(
    "text",
    ["10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "::/129", "x/8", "10.0.0.0/+8", "10.0.0.0/0008"],
)
def test_other_text_is_not_a_prefix(text: str) -> None:
    assert parse_prefix(text) is None


def test_each_family_has_the_other() -> None:
    assert IPFamily.IPV4.other is IPFamily.IPV6
    assert IPFamily.IPV6.other is IPFamily.IPV4


@pytest.mark.parametrize(
    ("text", "expected"),
    [("010.0.0.1", True), ("10.0.0.0/8", False), ("::ffff:10.0.0.01", True), ("0.0.10.0", False)],
)
def test_leading_zeros_are_found(text: str, *, expected: bool) -> None:
    assert has_leading_zeros(text) == expected


def test_a_mapped_address_is_recognised() -> None:
    assert is_ipv4_mapped(ip_address("::ffff:192.0.2.1"))
    assert not is_ipv4_mapped(ip_address("192.0.2.1"))
    assert not is_ipv4_mapped(ip_address("fd00::1"))


@given(addresses)
def test_an_address_is_parsed_as_it_is_formatted(address: object) -> None:
    parsed = parse_address(str(address))
    assert parsed == address
    assert parsed is not None
    assert canonical(str(parsed)) == str(address)
    assert family_of(parsed) == family_of_text(str(address))


@given(st.text(max_size=70))
def test_any_text_is_parsed_or_is_none(text: str) -> None:
    assert (parse_address(text) is None) == (family_of_text(text) is None)
    parse_prefix(text)
    has_leading_zeros(text)
