"""The wire shapes of a node's rules: all of them, changes, drift, and a request to render.

    NodeRules | NodeRulesChanges | NodeRulesDrift        RenderRequest

How they are made from rules is in ``rules_codec``.  Source: contract.md,
"GET /nodes/{name}/ipvs" and "POST /render".
"""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from app.domain.addresses import IPFamily
from app.domain.dataplane.ipvs.drift import DifferenceReason
from app.domain.dataplane.ipvs.ipsets import SetType
from app.domain.dataplane.rules.model import ClaimRole, LocalDetection, NoticeReason
from app.domain.objects.pod import WEIGHT_MAX
from app.domain.objects.service import Protocol, Scheduler
from app.schemas.base import Input, Output, Port, PortOrNone, Told, words
from app.schemas.objects.endpoint_slice import EndpointSliceWrite
from app.schemas.objects.node import NodeWrite
from app.schemas.objects.service import ServiceWrite
from app.schemas.objects.service_cidr import ServiceCIDRWrite
from app.schemas.rules.health_checks import HealthCheckNodePort, ServiceReference

NODE_ELIGIBLE = (
    "Whether load balancers may send the node traffic: false while it is being deleted, or has the "
    "taint `ToBeDeletedByClusterAutoscaler`."
)


class Backend(StrEnum):
    """The two ways of telling a kernel."""

    IPVS = "ipvs"
    NFTABLES = "nftables"


class DummyInterface(Output):
    """The interface that makes virtual addresses local."""

    name: str = Field(examples=["kube-ipvs0"])
    addresses: Told[str] = Field(examples=[["10.96.17.4"]])


class PortReference(Output):
    """One port of a Service."""

    namespace: str
    name: str
    port_name: str
    protocol: Protocol


class ServerAddress(Output):
    """What identifies a virtual server."""

    address: str = Field(examples=["10.96.17.4"])
    port: PortOrNone
    protocol: Protocol


class RealServer(Output):
    """Where connections go."""

    address: str = Field(examples=["10.244.1.5"])
    port: PortOrNone
    weight: int = Field(
        ge=0, le=WEIGHT_MAX, description="0 takes no new connections.", examples=[1]
    )
    forwarding: Literal["masquerade"]


class VirtualServer(Output):
    """One address, port and protocol, and where its connections go."""

    address: str = Field(examples=["10.96.17.4"])
    port: Port
    protocol: Protocol
    scheduler: str = Field(examples=["rr"])
    flags: Told[str] = Field(examples=[["persistent"]])
    persistence_timeout_seconds: int | None = Field(
        description="How long a client keeps its real server; null without affinity."
    )
    service: ServiceReference
    port_name: str
    real_servers: Told[RealServer]


class IPSet(Output):
    """One set and all its entries, sorted."""

    name: str = Field(examples=["KUBE-CLUSTER-IP"])
    type: SetType
    family: Literal["inet", "inet6"]
    max_elements: int | None = Field(description="Entries it can hold; null for a bitmap.")
    entries: Told[str] = Field(examples=[["10.96.17.4,tcp:80"]])


class ShutAddress(Output):
    """A load-balancer address that the node itself may not use."""

    address: str
    port: Port
    protocol: Protocol


class LocalSource(Output):
    """How the node's own Pods are recognised."""

    detection: LocalDetection
    value: str = Field(examples=["10.244.0.0/16"])


class NetfilterBasis(Output):
    """All that the rules of one family follow from."""

    occupied_sets: Told[str] = Field(description="Sets that hold anything, by IPv4 name.")
    shut_addresses: Told[ShutAddress]
    masquerade_all: bool
    local_source: LocalSource | None


class Netfilter(Output):
    """The iptables rules of one family, in order of writing."""

    family: IPFamily
    nat: Told[str]
    filter: Told[str]
    basis: NetfilterBasis


class NoLocalEndpoints(Output):
    """Services whose policy is Local and that only other nodes could serve."""

    internal: Told[str] = Field(examples=[["default/ent"]])
    external: Told[str]


class Conflict(Output):
    """An address, port and protocol that two Services claim."""

    address: str = Field(description="Empty for a node port: every address of the node.")
    port: Port
    protocol: Protocol
    winner: PortReference
    loser: PortReference
    role: ClaimRole = Field(description="As what the loser claims it.")


class Notice(Output):
    """A setting that may not do what its author meant."""

    service: ServiceReference
    reason: NoticeReason
    message: str


class NodeRules(Output):
    """Everything one node is told at one revision; sorted, so equal state gives equal bytes."""

    kind: Literal["NodeRules"]
    node: str = Field(examples=["n1"])
    resource_version: str = Field(examples=["42"])
    backend: Backend
    node_eligible: bool = Field(description=NODE_ELIGIBLE)
    dummy_interface: DummyInterface
    sysctls: dict[str, str] = Field(examples=[{"net.ipv4.vs.conntrack": "1"}])
    virtual_servers: Told[VirtualServer]
    ipsets: Told[IPSet]
    netfilters: Told[Netfilter]
    health_check_node_ports: Told[HealthCheckNodePort]
    no_local_endpoints: NoLocalEndpoints
    conflicts: Told[Conflict]
    notices: Told[Notice]
    nftables: str | None = Field(
        default=None, description="Input for `nft -f`, when that backend was asked for."
    )


class NodeText(Output):
    """Everything one node is told in nftables mode at one revision."""

    kind: Literal["NodeText"]
    node: str = Field(examples=["n1"])
    resource_version: str = Field(examples=["42"])
    node_eligible: bool = Field(description=NODE_ELIGIBLE)
    health_check_node_ports: Told[HealthCheckNodePort]
    text: str = Field(description="Input for `nft -f`.")


class RenderConfig(Input):
    """What an operator would have set for all nodes."""

    scheduler: Annotated[str, words(Scheduler, default="rr")] | None = None
    masquerade_all: bool | None = None
    cluster_cidr: str | None = Field(
        default=None, description="At most one range a family.", examples=["10.244.0.0/16"]
    )
    node_port_addresses: list[str] | None = None
    service_cidrs: list[str] | None = Field(
        default=None,
        description="Ranges of ClusterIPs, beside those of `serviceCIDRs`. With nftables, "
        "packets to an address of them that no Service has are dropped.",
        examples=[["10.96.0.0/12", "fd00:10:96::/112"]],
    )
    ip_families: list[Literal["IPv4", "IPv6"]] | None = Field(
        default=None, description="Both when absent."
    )
    backend: Literal["ipvs", "nftables"] | None = Field(
        default=None, description="`ipvs` when absent."
    )


class RenderRequest(Input):
    """State to make one node's rules of; nothing is stored."""

    node: NodeWrite | None = None
    services: list[ServiceWrite] | None = None
    endpoint_slices: list[EndpointSliceWrite] | None = None
    service_cidrs: list[ServiceCIDRWrite] | None = Field(
        default=None, description="Objects whose ranges ClusterIPs come from."
    )
    config: RenderConfig | None = None
    documented_required: ClassVar = ("node",)


class Difference(Output):
    """One way in which a node differs from what it was told."""

    reason: DifferenceReason
    virtual_server: ServerAddress
    real_server: RealServer | None = None
