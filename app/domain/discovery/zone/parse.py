"""Parser of names in the cluster zone.

    labels before the zone -> Node | None        (None: no such name is possible)
    reverse name -> Address | Prefix | None      (a Prefix: the name of a range of addresses)

Only the form of the name is parsed; ``answer`` looks up the Service, port or Pod.
Source: spec dns A2, in its strict reading; A7 for Pods, ``10-244-1-5.default.pod``;
RFC 1035 section 3.5 and RFC 3596 section 2.5 for reverse names.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from app.domain.addresses import Address, Prefix, parse_address
from app.domain.discovery.zone.config import REVERSE_V4, REVERSE_V6
from app.domain.names import DomainName, NamespacedName

VERSION_LABEL = "dns-version"
NAMESERVER_LABELS = ("ns", "dns")


class Fixed(Enum):
    """The names that every zone has."""

    APEX = auto()
    BRANCH = auto()  # a name that only has names below it: ``svc``, ``pod``, ``dns``
    VERSION = auto()  # of the DNS schema
    NAMESERVER = auto()  # the server that the SOA record names


@dataclass(frozen=True, slots=True)
class NamespaceNode:
    """A namespace, below ``svc`` or below ``pod``."""

    namespace: str
    is_pod: bool


@dataclass(frozen=True, slots=True)
class ServiceNode:
    """A Service."""

    key: NamespacedName


@dataclass(frozen=True, slots=True)
class EndpointNode:
    """One endpoint of a Service, by host name or dashed address."""

    key: NamespacedName
    label: str


@dataclass(frozen=True, slots=True)
class ProtocolNode:
    """The name above the named ports of one protocol."""

    key: NamespacedName
    protocol: str


@dataclass(frozen=True, slots=True)
class PortNode:
    """A named port of a Service; ``port`` and ``protocol`` without underscores, folded."""

    key: NamespacedName
    port: str
    protocol: str


@dataclass(frozen=True, slots=True)
class PodNode:
    """A Pod, by dashed address."""

    namespace: str
    label: str


ServicePart = ServiceNode | EndpointNode | ProtocolNode | PortNode
Node = Fixed | NamespaceNode | PodNode | ServicePart

_FIXED: Mapping[tuple[str, ...], Fixed] = {
    (): Fixed.APEX,
    ("svc",): Fixed.BRANCH,
    ("pod",): Fixed.BRANCH,
    NAMESERVER_LABELS[1:]: Fixed.BRANCH,
    NAMESERVER_LABELS: Fixed.NAMESERVER,
    (VERSION_LABEL,): Fixed.VERSION,
}
_IPV4_DASHES = 3
_OCTETS, _NIBBLES = 4, 32
_HEX = frozenset("0123456789abcdef")


def parse(labels: tuple[str, ...]) -> Node | None:
    """Parse the folded ``labels`` before the zone."""
    if labels in _FIXED:
        return _FIXED[labels]
    match labels:
        case (namespace, "svc" | "pod" as kind):
            return NamespaceNode(namespace, kind == "pod")
        case (label, namespace, "pod"):
            return PodNode(namespace, label)
        case (*rest, service, namespace, "svc"):
            return _service_part(NamespacedName(namespace, service), tuple(rest))
        case _:
            return None


def parse_dashed(label: str) -> Address | None:
    """Parse an address written with dashes; with three dashes it is an IPv4 address."""
    is_v4 = label.count("-") == _IPV4_DASHES and "--" not in label
    address = parse_address(label.replace("-", "." if is_v4 else ":"))
    return address if address is None or isinstance(address, IPv4Address) == is_v4 else None


def _service_part(key: NamespacedName, rest: tuple[str, ...]) -> ServicePart | None:
    match rest:
        case ():
            return ServiceNode(key)
        case (label,) if label.startswith("_"):
            return ProtocolNode(key, label[1:])
        case (label,):
            return EndpointNode(key, label)
        case (port, protocol) if port[:1] == protocol[:1] == "_":
            # RFC 2782: both labels carry an underscore, so that they cannot collide with hosts.
            return PortNode(key, port[1:], protocol[1:])
        case _:
            return None


def parse_reverse(name: DomainName) -> Address | Prefix | None:
    """Parse a reverse name; a shortened one means the range of addresses below it."""
    if name.is_under(REVERSE_V4):
        return _parse_v4(name.relative_to(REVERSE_V4))
    if name.is_under(REVERSE_V6):
        return _parse_v6(tuple(label.lower() for label in name.relative_to(REVERSE_V6)))
    return None


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
