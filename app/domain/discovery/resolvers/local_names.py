"""Lookups without DNS: address literals, /etc/hosts, HOSTALIASES, checks of host names.

    name -> address literal | address of the hosts file | alias | a name not to be asked

Each library's walk decides which of these it uses, and in which order.
Source: spec resolver 2.2, 3.2, 4, 5.
"""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address

from app.domain.addresses import has_leading_zeros, parse_address
from app.domain.discovery.resolvers.lookup import AAAA, A
from app.domain.names import LABEL_LENGTH_MAX, DomainName, MalformedName

_ATON_PART = re.compile(r"0[xX][0-9a-fA-F]*\Z|0[0-7]*\Z|[1-9][0-9]*\Z")
_STRICT_IPV4 = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}\Z")
_GLIBC_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")
_ATON_PARTS_MAX = 4
_HOST_TEXT_LENGTH_MAX = 253  # characters without the final dot


def of_family(addresses: Iterable[str], qtypes: tuple[str, ...]) -> tuple[str, ...]:
    """Keep the addresses of the record types asked for."""
    return tuple(address for address in addresses if (AAAA if ":" in address else A) in qtypes)


def aton_literal(name: str) -> str | None:
    """Parse an address as inet_aton does (``10.1``, ``0x7f.1``, ``123``), or as IPv6 text."""
    if ":" in name:
        return strict_literal(name)
    parts = name.split(".")
    if len(parts) > _ATON_PARTS_MAX or not all(_ATON_PART.match(part) for part in parts):
        return None
    *leading, last = map(_aton_number, parts)
    try:
        octets = bytes(leading) + last.to_bytes(_ATON_PARTS_MAX + 1 - len(parts))
    except (ValueError, OverflowError):
        return None
    return str(IPv4Address(octets))


def strict_literal(name: str) -> str | None:
    """Parse an address only in its usual form: four decimal octets, or IPv6 text."""
    if has_leading_zeros(name) or not (":" in name or _STRICT_IPV4.match(name)):
        return None
    address = parse_address(name.partition("%")[0])
    return None if address is None else str(address)


def _aton_number(part: str) -> int:
    if part[:2] in ("0x", "0X"):
        return int(part[2:] or "0", 16)
    return int(part, 8) if part.startswith("0") else int(part)


def addresses_in_hosts(hosts: str, name: str) -> tuple[str, ...]:
    """Look a name up in the text of a hosts file, ignoring case."""
    wanted = name.rstrip(".").lower()
    found: list[str] = []
    for line in hosts.split("\n"):
        words = line.partition("#")[0].split()
        if wanted in (word.lower() for word in words[1:]) and parse_address(words[0]) is not None:
            found.append(words[0])
    return tuple(found)


def alias_of(host_aliases: str, name: str) -> str | None:
    """Find the alias of a name in the text of a HOSTALIASES file; names with a dot have none."""
    if "." in name:
        return None
    for line in host_aliases.split("\n"):
        words = line.split()
        if len(words) > 1 and words[0].lower() == name.lower():
            return words[1]
    return None


def raw_name(text: str) -> DomainName | None:
    """Split a name only at its dots, as bytes; None when it cannot be encoded."""
    stripped = text.removesuffix(".")
    if not stripped:
        return DomainName(()) if text == "." else None
    return _name_of(stripped.encode().decode("latin-1").split("."))


def escaped_name(text: str) -> DomainName | None:
    r"""Split a name at its dots as c-ares does, where ``\\`` escapes the next letter."""
    if text in ("", "."):
        return DomainName(()) if text else None
    labels = [""]
    letters = iter(text.encode().decode("latin-1"))
    for letter in letters:
        if letter == ".":
            labels.append("")
        else:
            labels[-1] += next(letters, "") if letter == "\\" else letter
    return _name_of(labels if labels[-1] else labels[:-1])


def _name_of(labels: list[str]) -> DomainName | None:
    try:
        return DomainName(tuple(labels))
    except MalformedName:
        return None


def is_glibc_host_name(text: str) -> bool:
    """Whether glibc 2.29 and later ask for the name; they do for the root."""
    if text == ".":
        return True
    stripped = text.removesuffix(".")
    return (
        len(stripped) <= _HOST_TEXT_LENGTH_MAX
        and _GLIBC_HOST.match(stripped) is not None
        and all(1 <= len(label) <= LABEL_LENGTH_MAX for label in stripped.split("."))
    )
