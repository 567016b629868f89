"""Rules for addresses and prefixes in text form.

    field path, text -> violations

Values that are stored already (``accepted``) stay valid under rules that came later.
Source: spec kubernetes-api 1.2 and 1.5.
"""

from collections.abc import Container
from ipaddress import IPv4Network, IPv6Network

from app.domain.addresses import (
    Address,
    has_leading_zeros,
    is_ipv4_mapped,
    parse_address,
    parse_prefix,
)
from app.domain.errors import Violation
from app.domain.violations import invalid

_ADDRESS_RULE = "must be a valid IP address, such as 10.9.8.7 or 2001:db8::ffff"
_PREFIX_RULE = "must be a valid CIDR value, such as 10.9.8.0/24 or 2001:db8::/64"
_SPECIAL = (
    ("unspecified (0.0.0.0 or ::)", (IPv4Network("0.0.0.0/32"), IPv6Network("::/128"))),
    ("in the loopback range (127.0.0.0/8, ::1/128)", (
        IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"),
    )),
    ("in the link-local range (169.254.0.0/16, fe80::/10)", (
        IPv4Network("169.254.0.0/16"), IPv6Network("fe80::/10"),
    )),
    ("in the link-local multicast range (224.0.0.0/24, ff02::/16)", (
        IPv4Network("224.0.0.0/24"), IPv6Network("ff02::/16"),
    )),
)  # fmt: skip


def address_violations(
    field: str, text: str, *, accepted: Container[str] = ()
) -> tuple[Violation, ...]:
    """Refuse text that is not an address, or is ambiguously spelt."""
    if text in accepted:
        return ()
    address = parse_address(text)
    if address is None:
        return (invalid(field, text, _ADDRESS_RULE),)
    if has_leading_zeros(text):
        return (invalid(field, text, "must not have leading 0s"),)
    if is_ipv4_mapped(address):
        return (invalid(field, text, "must not be an IPv4-mapped IPv6 address"),)
    return ()


def prefix_violations(
    field: str, text: str, *, accepted: Container[str] = ()
) -> tuple[Violation, ...]:
    """Refuse text that is not a prefix, or is ambiguously spelt."""
    if text in accepted:
        return ()
    prefix = parse_prefix(text)
    if prefix is None:
        return (invalid(field, text, _PREFIX_RULE),)
    address_text, _, length = text.partition("/")
    address = parse_address(address_text)
    assert address is not None, "a prefix holds an address"
    if has_leading_zeros(text) or (len(length) > 1 and length.startswith("0")):
        return (invalid(field, text, "must not have leading 0s in IP or prefix length"),)
    found: list[Violation] = []
    if is_ipv4_mapped(address):
        found.append(invalid(field, text, "must not have an IPv4-mapped IPv6 address"))
    if address != prefix.network_address:
        found.append(invalid(field, text, "must not have bits set beyond the prefix length"))
    return tuple(found)


def special_address_violations(field: str, text: str) -> tuple[Violation, ...]:
    """Refuse addresses that never reach a backend on another machine."""
    address = parse_address(text)
    if address is None:
        return (invalid(field, text, _ADDRESS_RULE),)
    return tuple(
        invalid(field, text, f"may not be {where}")
        for where, networks in _SPECIAL
        if _is_in(address, networks)
    )


def is_loopback_address(text: str) -> bool:
    """Whether the text is a loopback address."""
    address = parse_address(text)
    return address is not None and address.is_loopback


def is_canonical_address(text: str) -> bool:
    """Whether the text is not an address in a non-canonical spelling."""
    address = parse_address(text)
    return address is None or str(address) == text


def is_canonical_prefix(text: str) -> bool:
    """Whether the text is not a prefix in a non-canonical spelling."""
    prefix = parse_prefix(text)
    return prefix is None or str(prefix) == text


def _is_in(address: Address, networks: tuple[IPv4Network, IPv6Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)
