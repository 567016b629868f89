"""Parser of names in the cluster zone.

    labels before the zone -> Node | None        (None: no such name is possible)

Only the form of the name is parsed; ``answer`` looks up the Service, port or Pod.
Source: spec dns A2, in its strict reading; A7 for Pods, ``10-244-1-5.default.pod``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from ipaddress import IPv4Address

from app.domain.addresses import Address, parse_address
from app.domain.names import NamespacedName

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
