"""Reverse names: from an address to the Service or endpoint that has it.

    name -> Address | Prefix | None         (a Prefix: the name of a range of addresses)
    (Zone, Address) -> the names it points to

Source: RFC 1035 section 3.5, RFC 3596 section 2.5; spec dns A4, the PTR row.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from app.domain.addresses import Address, Prefix, parse_address
from app.domain.discovery.zone.config import REVERSE_V4, REVERSE_V6
from app.domain.discovery.zone.service_records import Zone, published_at
from app.domain.names import DomainName

_OCTETS, _NIBBLES = 4, 32
_PROBED_MAX = 256  # addresses looked up one by one; for more a scan of the index is cheaper
_HEX = frozenset("0123456789abcdef")


def parse_reverse(name: DomainName) -> Address | Prefix | None:
    """Parse a reverse name; a shortened one means the range of addresses below it."""
    if name.is_under(REVERSE_V4):
        return _parse_v4(name.relative_to(REVERSE_V4))
    if name.is_under(REVERSE_V6):
        return _parse_v6(tuple(label.lower() for label in name.relative_to(REVERSE_V6)))
    return None


def targets_of(zone: Zone, address: Address) -> tuple[tuple[str, ...], ...]:
    """List the names of an address, as labels before ``svc``.

    A cluster address has one name, its Service's; any other has one for every
    Service that publishes it.
    """
    owner = zone.snapshot.service_at(str(address))
    if owner is not None:
        key = owner.metadata.key
        return ((key.name, key.namespace),) if zone.has_namespace(key.namespace) else ()
    return tuple(
        (label, key.name, key.namespace)
        for key, label in published_at(zone.snapshot, address)
        if zone.has_namespace(key.namespace)
    )


def has_names_below(zone: Zone, prefix: Prefix) -> bool:
    """Whether any address of ``prefix`` has a name."""
    if prefix.num_addresses <= _PROBED_MAX:
        return any(targets_of(zone, address) for address in prefix)
    candidates = (
        parse_address(term[1]) for term in zone.snapshot.index if term[0] in ("address", "endpoint")
    )
    return any(
        address in prefix and targets_of(zone, address)
        for address in candidates
        if address is not None and address.version == prefix.version
    )


def _parse_v4(labels: tuple[str, ...]) -> IPv4Address | IPv4Network | None:
    if len(labels) > _OCTETS or not all(_is_octet(label) for label in labels):
        return None
    octets = bytes(int(label) for label in reversed(labels)).ljust(_OCTETS, b"\0")
    if len(labels) == _OCTETS:
        return IPv4Address(octets)
    return IPv4Network((octets, 8 * len(labels)))


def _parse_v6(labels: tuple[str, ...]) -> IPv6Address | IPv6Network | None:
    if len(labels) > _NIBBLES or not all(label in _HEX for label in labels):
        return None
    address = IPv6Address(int("".join(reversed(labels)).ljust(_NIBBLES, "0"), 16))
    return address if len(labels) == _NIBBLES else IPv6Network((address, 4 * len(labels)))


def _is_octet(label: str) -> bool:
    # 010 is another label than 10, and reverse names have no leading zeros.
    return label.isdecimal() and label.isascii() and str(int(label)) == label and int(label) < 256  # noqa: PLR2004
