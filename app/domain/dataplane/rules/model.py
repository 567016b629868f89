"""What a node must do for each port of each Service: the neutral model.

Values only.  Policies, hints, fallbacks, weights and clashes between Services
are resolved here already; how IPVS, ipset, iptables or nftables say it is not
known.  ``node_rules`` computes it, ``ipvs`` and ``nftables`` render it.

    NodeRules
    ├── families       facts of the node, one entry an IP family that is served
    ├── services       ServiceRules by key, each a PortRules per family and port
    ├── service_cidrs  ranges whose addresses are of Services or unused
    ├── conflicts      addresses that two Services claim, and which got them
    └── notices        settings that do something their author may not expect

Everything is sorted, so that equal state gives an equal value.  Addresses are
canonical text.  Source: spec ipvs 1 to 3.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from app.domain.addresses import IPFamily
from app.domain.names import REVISION_ZERO, NamespacedName, Revision
from app.domain.objects.service import Protocol, Scheduler, ServicePortName

DESTINATION_WEIGHT_DEFAULT = 1
DUMMY_INTERFACE = "kube-ipvs0"  # holds virtual addresses in IPVS mode; never a node's own ones
MASQUERADE_MARK: Final = 0x4000  # bit 14 of the packet mark, as kube-proxy has it
PROTOCOL_NUMBERS: Final[Mapping[str, int]] = {
    Protocol.TCP.value: 6,
    Protocol.UDP.value: 17,
    Protocol.SCTP.value: 132,
}


class Destination(NamedTuple):
    """Where a connection may end; a weight of 0 takes no new ones."""

    address: str
    port: int
    weight: int = DESTINATION_WEIGHT_DEFAULT

    @property
    def address_and_port(self) -> tuple[str, int]:
        """What tells it from other destinations, whatever its weight."""
        return self.address, self.port


class LocalDetection(StrEnum):
    """How a node tells traffic of its own Pods from other traffic."""

    CLUSTER_CIDR = "ClusterCIDR"
    NODE_CIDR = "NodeCIDR"
    BRIDGE_INTERFACE = "BridgeInterface"
    INTERFACE_NAME_PREFIX = "InterfaceNamePrefix"


@dataclass(frozen=True, slots=True)
class LocalSource:
    """One way to recognise local Pods: a prefix for CIDR kinds, else an interface name."""

    detection: LocalDetection
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesConfig:
    """What an operator chooses for all nodes.

    ``cluster_cidrs`` holds at most one prefix a family; ``node_port_addresses`` prefixes or
    the word ``primary``, and every address of the node when it names none of a family.
    """

    scheduler: str = Scheduler.RR
    masquerade_all: bool = False
    cluster_cidrs: tuple[str, ...] = ()
    node_port_addresses: tuple[str, ...] = ()
    ip_families: tuple[IPFamily, ...] = (IPFamily.IPV4, IPFamily.IPV6)
    local_detection: LocalDetection = LocalDetection.CLUSTER_CIDR
    local_interface: str = ""
    strict_arp: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFamily:
    """Facts of the node in one family; addresses are sorted and never loopback."""

    family: IPFamily
    addresses: tuple[str, ...] = ()
    """Every address of the node itself; what is bound for Services does not count."""
    node_port_addresses: tuple[str, ...] = ()
    """Where node ports answer: all of ``addresses``, or those the configuration names."""
    has_all_node_ports: bool = True
    """Whether ``node_port_addresses`` are all there are, even ones not known yet."""
    primary_address: str | None = None
    local_source: LocalSource | None = None
    """How to recognise the node's own Pods; None when nothing is configured."""


class PortRules(NamedTuple):
    """One port of one Service in one family, as this node must serve it.

    ``cluster`` and ``local`` are sorted by address and port.  ``local`` is filled
    only when a Local policy applies; ``has_any`` says whether anything anywhere
    could serve.  ``on_node`` are all endpoints of this node whatever their state.
    Addresses lost to another Service are left out.
    """

    name: ServicePortName
    family: IPFamily
    port: int
    cluster_ip: str | None
    external_ips: tuple[str, ...] = ()
    load_balancer_ips: tuple[str, ...] = ()
    node_port: int = 0
    node_port_addresses: tuple[str, ...] = ()
    source_ranges: tuple[str, ...] = ()
    allows_node: bool = False
    """Whether a source range holds the node's primary address."""
    affinity_timeout_s: int | None = None
    scheduler: str = Scheduler.RR
    is_internal_local: bool = False
    is_external_local: bool = False
    health_check_node_port: int = 0
    cluster: tuple[Destination, ...] = ()
    local: tuple[Destination, ...] = ()
    has_any: bool = False
    on_node: tuple[Destination, ...] = ()

    @property
    def protocol(self) -> str:
        """TCP, UDP or SCTP."""
        return self.name.protocol

    @property
    def is_externally_accessible(self) -> bool:
        """Whether it is reached by anything but its cluster address."""
        return bool(self.node_port or self.external_ips or self.load_balancer_ips)

    @property
    def internal(self) -> tuple[Destination, ...]:
        """Destinations of the cluster address; Local is strict (docs/ipvs.md)."""
        return self.local if self.is_internal_local else self.cluster

    @property
    def lacks_internal_local(self) -> bool:
        """Whether internal traffic is dropped here although another node could serve it."""
        return self.is_internal_local and self.has_any and not self.local

    @property
    def lacks_external_local(self) -> bool:
        """Whether external traffic must not enter here although another node could serve it."""
        return (
            self.is_external_local
            and self.is_externally_accessible
            and self.has_any
            and not self.local
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    """What a load balancer learns at a health-check node port: ready endpoints of this node."""

    port: int
    local_endpoints: int


class ClaimRole(StrEnum):
    """What a Service uses an address for; earlier uses win over later ones."""

    CLUSTER_IP = "clusterIP"
    EXTERNAL_IP = "externalIP"
    LOAD_BALANCER = "loadBalancerIngress"
    NODE_PORT = "nodePort"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Two Services claim one address, port and protocol; ``address`` "" means the node's own."""

    address: str
    port: int
    protocol: str
    winner: ServicePortName
    loser: ServicePortName
    role: ClaimRole
    """As what the loser claimed it."""


class NoticeReason(StrEnum):
    """Why something is worth a look."""

    SOURCE_RANGES_OF_OTHER_FAMILY = "SourceRangesOfOtherFamily"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A setting of a Service that may not do what its author meant."""

    service: NamespacedName
    reason: NoticeReason
    message: str


class ServiceRules(NamedTuple):
    """All of one Service on one node; equal on every node that sees it the same way."""

    service: NamespacedName
    ports: tuple[PortRules, ...] = ()
    health_check: HealthCheck | None = None
    conflicts: tuple[Conflict, ...] = ()
    """Addresses it claims and does not get here."""
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRules:
    """Everything one node must do, at one revision."""

    node: str
    is_eligible: bool = True
    """Whether load balancers may send it traffic."""
    revision: Revision = REVISION_ZERO
    config: RulesConfig = RulesConfig()
    families: tuple[NodeFamily, ...] = ()
    services: tuple[ServiceRules, ...] = ()
    service_cidrs: tuple[str, ...] = ()
    """Ranges of ClusterIPs, without overlaps, IPv4 first."""
    conflicts: tuple[Conflict, ...] = ()
    notices: tuple[Notice, ...] = ()
