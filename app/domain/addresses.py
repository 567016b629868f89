"""IP addresses and prefixes as clients write them.

    text -> address | None          text -> prefix | None

Parsing is as lenient as Kubernetes' (leading zeros are decimal); whether a
spelling is canonical is checked separately.  Source: spec kubernetes-api 1.5.
"""

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    collapse_addresses,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Prefix = IPv4Network | IPv6Network

PORT_MAX = 65_535  # of every transport protocol

_TEXT_LENGTH_MAX = 64  # characters; the longest IPv6 prefix with an embedded IPv4 part has 49
_PARSED_MAX = 65_536  # addresses cached
_PREFIXES_MAX = 4_096  # prefixes cached; those of ranges are parsed in every write
_DOTTED = re.compile(r"[0-9.]+\Z")
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_CANONICAL_V4 = re.compile(rf"(?:{_OCTET}\.){{3}}{_OCTET}\Z")


class IPFamily(StrEnum):
    """The family of addresses."""

    IPV4 = "IPv4"
    IPV6 = "IPv6"

    @property
    def other(self) -> "IPFamily":
        """The other family."""
        return IPFamily.IPV6 if self is IPFamily.IPV4 else IPFamily.IPV4


@lru_cache(maxsize=_PARSED_MAX)
def parse_address(text: str) -> Address | None:
    """Parse an address; octets may have leading zeros and are decimal."""
    if len(text) > _TEXT_LENGTH_MAX or "%" in text or not text.isascii():
        return None
    if _DOTTED.match(text):
        text = ".".join(octet.lstrip("0") or octet[:1] for octet in text.split("."))
    elif ":" in text and "." in text:
        head, _, tail = text.rpartition(":")
        text = f"{head}:{'.'.join(octet.lstrip('0') or octet[:1] for octet in tail.split('.'))}"
    try:
        return ip_address(text)
    except ValueError:
        return None


@lru_cache(maxsize=_PREFIXES_MAX)
def parse_prefix(text: str) -> Prefix | None:
    """Parse a prefix in CIDR form; host bits are dropped, spaces are not allowed."""
    address_text, slash, length = text.partition("/")
    if not slash or not length.isdecimal() or not length.isascii() or len(length) > 3:  # noqa: PLR2004
        return None
    address = parse_address(address_text)
    if address is None or int(length) > address.max_prefixlen:
        return None
    return ip_network((address, int(length)), strict=False)


@lru_cache(maxsize=_PARSED_MAX)
def canonical(text: str) -> str:
    """Give the canonical spelling of an address; other text stays as it is."""
    if _CANONICAL_V4.match(text):
        return text
    address = parse_address(text)
    found = text if address is None else str(address)
    return text if found == text else found  # the caller's own string, not an equal one


def forget_addresses() -> None:
    """Clear the caches: after a load they take megabytes and are of no use."""
    for cached in (parse_address, canonical, family_of_text):
        cached.cache_clear()


def family_of(address: Address | Prefix) -> IPFamily:
    """Give the family of an address or prefix."""
    return IPFamily.IPV4 if address.version == 4 else IPFamily.IPV6  # noqa: PLR2004  IP versions


def disjoint(prefixes: Iterable[Prefix]) -> Iterator[Prefix]:
    """Merge prefixes that overlap or adjoin; IPv4 first, each family by number."""
    kept = tuple(prefixes)
    yield from collapse_addresses(p for p in kept if isinstance(p, IPv4Network))
    yield from collapse_addresses(p for p in kept if isinstance(p, IPv6Network))


@lru_cache(maxsize=_PARSED_MAX)
def family_of_text(text: str) -> IPFamily | None:
    """Give the family of an address in text form; None when it is not an address."""
    address = parse_address(text)
    return None if address is None else family_of(address)


def has_leading_zeros(text: str) -> bool:
    """Whether an IPv4 octet has leading zeros, which the strict rule refuses."""
    dotted = text.partition("/")[0].rpartition(":")[2]
    return "." in dotted and any(
        len(octet) > 1 and octet.startswith("0") for octet in dotted.split(".")
    )


def is_ipv4_mapped(address: Address) -> bool:
    """Whether an IPv6 address maps an IPv4 one, ``::ffff:192.0.2.1``."""
    return isinstance(address, IPv6Address) and address.ipv4_mapped is not None
