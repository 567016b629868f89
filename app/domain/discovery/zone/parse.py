"""Parser of names in the cluster zone.

    labels before the zone -> Node | None        (None: no such name is possible)

Only the form of the name is parsed; ``answer`` looks up the Service, port or Pod.
Source: spec dns A2, in its strict reading.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from app.domain.names import NamespacedName

VERSION_LABEL = "dns-version"
NAMESERVER_LABELS = ("ns", "dns")


@dataclass(frozen=True, slots=True)
class Apex:
    """The zone itself."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A name that only has names below it: ``svc``, ``pod``, ``dns``."""


@dataclass(frozen=True, slots=True)
class Version:
    """The version of the DNS schema."""


@dataclass(frozen=True, slots=True)
class Nameserver:
    """The server that the SOA record names."""


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
Node = Apex | Branch | Version | Nameserver | NamespaceNode | PodNode | ServicePart

_FIXED: Mapping[tuple[str, ...], Node] = {
    (): Apex(),
    ("svc",): Branch(),
    ("pod",): Branch(),
    NAMESERVER_LABELS[1:]: Branch(),
    NAMESERVER_LABELS: Nameserver(),
    (VERSION_LABEL,): Version(),
}


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
