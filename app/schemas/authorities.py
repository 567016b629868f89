"""The Host and Origin headers of a request, and the host names of this server.

    octets of Host       -> Authority(host, port) | None
    text of Origin       -> Origin(scheme, host, port) | None
    patterns of a setting -> HostNames, the hosts that are allowed

Parsing never raises, whatever the octets.  Names are compared without case and without a
final dot, addresses as numbers.

Source: RFC 9110 section 7.2; RFC 3986 section 3.2; RFC 6454 section 7; spec access 5.2.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Final, Self

from app.domain.addresses import PORT_MAX

_REMEMBERED_MAX: Final = 256  # authorities
_REMEMBERED_OCTETS_MAX: Final = 128  # of one of them
_LOCALHOST: Final = "localhost"
_ANY_LABEL: Final = "*"
_DEFAULT_PORTS: Final[Mapping[str, int]] = {"http": 80, "https": 443}
_AUTHORITY: Final = re.compile(
    r"(?:\[(?P<v6>[0-9A-Za-z:.%_~-]+)\]|(?P<name>[0-9A-Za-z._~!$&'()*+,;=%-]*))"
    r"(?::(?P<port>[0-9]{0,5}))?"
)
_ORIGIN: Final = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#@]+)")
_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
_NAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")


@dataclass(frozen=True, slots=True)
class Authority:
    """A host, and a port if given; DNS rebinding cannot affect a host that is an address."""

    host: str
    port: int | None = None
    is_address: bool = False

    def port_within(self, scheme: str) -> int | None:
        """Give the port, by default that of the scheme."""
        return _DEFAULT_PORTS.get(scheme) if self.port is None else self.port


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of a page, as browsers send it; compared with its port."""

    scheme: str
    host: str
    port: int | None

    @classmethod
    def of(cls, scheme: str, authority: Authority) -> Self:
        """Give the origin of pages served with a scheme at an authority."""
        return cls(scheme, authority.host, authority.port_within(scheme))

    def __str__(self) -> str:
        """Write the origin as browsers do (RFC 6454 section 6.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        is_default = self.port is None or self.port == _DEFAULT_PORTS.get(self.scheme)
        return f"{self.scheme}://{host}" if is_default else f"{self.scheme}://{host}:{self.port}"


def parse_authority(octets: bytes) -> Authority | None:
    """Parse ``host[:port]``; None for anything else, user names included.

    The few by which clients call a server are parsed once.
    """
    is_short = len(octets) <= _REMEMBERED_OCTETS_MAX
    return _remembered(octets) if is_short else _parsed(octets)


def _parsed(octets: bytes) -> Authority | None:
    if not octets.isascii() or (found := _AUTHORITY.fullmatch(octets.decode())) is None:
        return None
    port = int(found["port"]) if found["port"] else None
    if port is not None and port > PORT_MAX:
        return None
    if (v6 := found["v6"]) is not None:
        address = _address(IPv6Address, v6)
        return None if address is None else Authority(address, port, is_address=True)
    name = found["name"].lower().removesuffix(".")
    address = _address(IPv4Address, name)
    return Authority(name if address is None else address, port, is_address=address is not None)


_remembered = lru_cache(maxsize=_REMEMBERED_MAX)(_parsed)


def parse_origin(text: str) -> Origin | None:
    """Parse ``scheme://host[:port]``; None for anything else, such as ``null``."""
    if (found := _ORIGIN.fullmatch(text)) is None or not found["authority"].isascii():
        return None
    authority = parse_authority(found["authority"].encode())
    if authority is None or not authority.host:
        return None
    return Origin.of(found["scheme"].lower(), authority)


def parse_host_pattern(text: str) -> str:
    """Parse a name, or ``*.`` and a name; raises ValueError with a message for the operator."""
    pattern = text.lower().removesuffix(".")
    authority = parse_authority(text.encode())
    is_address = authority is not None and authority.is_address and authority.port is None
    if is_address or _NAME.fullmatch(pattern.removeprefix(f"{_ANY_LABEL}.")):
        return pattern
    raise ValueError(
        f"{text!r} is no host: a name without scheme and port such as waypost.example, "
        "or *.waypost.example for all names below one"
    )


@dataclass(frozen=True, slots=True)
class HostNames:
    """The allowed hosts of this server: all addresses, localhost, and the listed names."""

    exact: frozenset[str] = frozenset()
    suffixes: tuple[str, ...] = ()

    @classmethod
    def of(cls, patterns: Iterable[str]) -> Self:
        """Collect patterns from ``parse_host_pattern``."""
        given = frozenset(patterns)
        below = sorted(each.removeprefix(_ANY_LABEL) for each in given if each[:1] == _ANY_LABEL)
        return cls(frozenset(each for each in given if each[:1] != _ANY_LABEL), tuple(below))

    def know(self, authority: Authority) -> bool:
        """Whether this host is allowed, on any port."""
        host = authority.host
        if authority.is_address or host == _LOCALHOST or host in self.exact:
            return True
        return host[:1] != "." and host.endswith((f".{_LOCALHOST}", *self.suffixes))


def _address(kind: type[IPv4Address] | type[IPv6Address], text: str) -> str | None:
    try:
        return str(kind(text))
    except ValueError:
        return None
