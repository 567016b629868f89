"""The wire shapes of a node's complete rules, and the spellings of the values in them.

    NodeRules | NftablesRules, and in them IPSet, Netfilter, ...

Fields have the domain's values; the shapes document and validate their JSON.
Source: contract.md, "GET /nodes/{name}/ipvs".
"""

from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from app.domain.addresses import IPFamily
from app.domain.dataplane.ipvs import ipsets, iptables
from app.domain.dataplane.ipvs import virtual_server as servers
from app.domain.dataplane.ipvs.ipsets import SetName, SetType
from app.domain.dataplane.rules import model
from app.domain.dataplane.rules.model import ClaimRole, LocalDetection, NoticeReason
from app.domain.names import NamespacedName
from app.domain.objects.service import Protocol, ServicePortName
from app.schemas.base import FailFastTuple, Output, Port, one_of, text_map, words
from app.schemas.rules.health_checks import HealthCheck, Service
from app.schemas.rules.spelling import Spelling, attributes, record, row
from app.schemas.rules.virtual_servers import SERVED_PORT

NODE_ELIGIBLE = (
    "Whether load balancers may send the node traffic: false while it is being deleted, or has the "
    "taint `ToBeDeletedByClusterAutoscaler`."
)


class Backend(StrEnum):
    """The kernel interface that rules are made for."""

    IPVS = "ipvs"
    NFTABLES = "nftables"


class DummyInterface(Output):
    """The interface that makes virtual addresses local."""

    name: str = Field(description="The name of the interface.", examples=["kube-ipvs0"])
    addresses: FailFastTuple[str] = Field(
        description="The addresses on it.", examples=[["10.96.17.4"]]
    )


class ServicePortReference(Output):
    """One port of a Service."""

    namespace: str = Field(description="The namespace of the Service.")
    name: str = Field(description="The name of the Service.")
    port_name: str = Field(description="The name of the port; empty for a port without a name.")
    protocol: Protocol = Field(description="The protocol of the port.")


def _port_name(namespace: str, name: str, port: str, protocol: str) -> ServicePortName:
    return ServicePortName(NamespacedName(namespace, name), port, protocol)


Claimant = Annotated[
    ServicePortName,
    Spelling(
        ServicePortReference,
        attributes("service.namespace", "service.name", "port", "protocol"),
        _port_name,
    ),
]


class IPSet(Output):
    """One set and all its entries, sorted."""

    name: str = Field(description="The name of the set.", examples=["KUBE-CLUSTER-IP"])
    type: Annotated[SetType, words(SetType, "IPSetType")] = Field(
        description="What an entry is made of."
    )
    family: Annotated[
        Literal["inet", "inet6"],
        one_of("IPSetFamily", "inet", "inet6", description="IPv4 or IPv6, as ipset names them."),
    ] = Field(description="The family of its addresses.")
    max_elements: int | None = Field(description="Entries it can hold; null for a bitmap.")
    entries: FailFastTuple[str] = Field(
        description="Its entries, in the words of ipset.", examples=[["10.96.17.4,tcp:80"]]
    )


IPSET: Final = record(IPSet, ipsets.IPSet, max_elements="elements_max")
Set = Annotated[ipsets.IPSet, IPSET]


class RejectingAddress(Output):
    """A load-balancer address that the node itself may not use."""

    address: str = Field(description="The address.")
    port: Port = Field(description="The port.")
    protocol: Protocol = Field(description="The protocol.")


class LocalSource(Output):
    """How the node's own Pods are recognised."""

    detection: LocalDetection = Field(description="What they are recognised by.")
    value: str = Field(
        description="The range, or the name of the interface.", examples=["10.244.0.0/16"]
    )


class NetfilterBasis(Output):
    """The facts that determine the rules of one family."""

    occupied_sets: FailFastTuple[str] = Field(description="Sets that are not empty, by IPv4 name.")
    shut_addresses: FailFastTuple[
        Annotated[iptables.RejectingAddress, record(RejectingAddress, iptables.rejecting_address)]
    ] = Field(description="Addresses that only some clients may use, and the node may not.")
    masquerade_all: bool = Field(
        description="Whether all traffic to virtual addresses is masqueraded."
    )
    local_source: Annotated[model.LocalSource, record(LocalSource, model.LocalSource)] | None = (
        Field(description="How the node's own Pods are recognised; null when they are not.")
    )


class Netfilter(Output):
    """The iptables rules of one family, in order of writing."""

    family: IPFamily = Field(description="The IP family of the rules.")
    nat: FailFastTuple[str] = Field(
        description="Rules of the table `nat`, in the words of iptables-restore."
    )
    filter: FailFastTuple[str] = Field(
        description="Rules of the table `filter`, in the words of iptables-restore."
    )
    basis: Annotated[tuple[Any, ...], row(NetfilterBasis)] = Field(
        description="What the rules follow from."
    )


def _rules(rules: iptables.Netfilter) -> tuple[object, ...]:
    occupied = [name for name in SetName if name in rules.occupied]
    basis = (occupied, rules.rejecting, rules.masquerade_all, rules.local_source)
    return rules.family, iptables.nat_rules(rules), iptables.filter_rules(rules), basis


def _netfilter(
    family: IPFamily, _nat: object, _filter: object, basis: tuple[Any, ...]
) -> iptables.Netfilter:
    """Make the rules from their basis."""
    occupied, *others = basis
    return iptables.Netfilter(family, frozenset(map(SetName, occupied)), *others)


NETFILTER: Final = Spelling(Netfilter, _rules, _netfilter)


class NoLocalEndpoints(Output):
    """Services with policy Local whose endpoints are all on other nodes."""

    internal: FailFastTuple[str] = Field(
        description="Services with `internalTrafficPolicy` Local.", examples=[["default/ent"]]
    )
    external: FailFastTuple[str] = Field(description="Services with `externalTrafficPolicy` Local.")


class PortConflict(Output):
    """An address, port and protocol that two Services claim."""

    address: str = Field(description="Empty for a node port: every address of the node.")
    port: Port = Field(description="The port that both claim.")
    protocol: Protocol = Field(description="The protocol that both claim.")
    winner: Claimant = Field(description="The port of the Service that has the address.")
    loser: Claimant = Field(description="The port of the Service that does not get it.")
    role: ClaimRole = Field(description="What the loser would use the address for.")


class RulesNotice(Output):
    """A setting that may not have the intended effect."""

    service: Service = Field(description="The Service that has the setting.")
    reason: NoticeReason = Field(description="Which setting it is, in a word for programs.")
    message: str = Field(description="What may not have its effect, for people.")


CONFLICT: Final = record(PortConflict, model.Conflict)
NOTICE: Final = record(RulesNotice, model.Notice)


class NodeRules(Output):
    """The rules of one node at one revision; sorted, so that equal state gives equal bytes."""

    kind: Literal["NodeRules"]
    node: str = Field(description="The Node that the rules are for.", examples=["n1"])
    resource_version: str = Field(
        description="The revision that the rules follow from.", examples=["42"]
    )
    backend: Annotated[Backend, words(Backend, "RulesBackend")] = Field(
        description="The kernel interface that was asked for."
    )
    node_eligible: bool = Field(description=NODE_ELIGIBLE)
    dummy_interface: DummyInterface = Field(
        description="The interface that makes virtual addresses local."
    )
    sysctls: Annotated[dict[str, str], text_map("Sysctls", "Kernel settings by name.")] = Field(
        description="Kernel settings that the rules need.",
        examples=[{"net.ipv4.vs.conntrack": "1"}],
    )
    virtual_servers: FailFastTuple[Annotated[servers.ServedPort, SERVED_PORT]] = Field(
        description="What IPVS is told."
    )
    ipsets: FailFastTuple[Set] = Field(description="The sets that the rules of iptables refer to.")
    netfilters: FailFastTuple[Annotated[iptables.Netfilter, NETFILTER]] = Field(
        description="The rules of iptables, an IP family each."
    )
    health_check_node_ports: FailFastTuple[HealthCheck] = Field(
        description="What the node answers to load balancers."
    )
    no_local_endpoints: NoLocalEndpoints = Field(
        description="Services that this node has no endpoints for."
    )
    conflicts: FailFastTuple[Annotated[model.Conflict, CONFLICT]] = Field(
        description="Addresses that two Services claim."
    )
    notices: FailFastTuple[Annotated[model.Notice, NOTICE]] = Field(
        description="Settings that may not have their effect."
    )
    nftables: str | None = Field(
        default=None, description="Input for `nft -f`, when that backend was asked for."
    )


class NftablesRules(Output):
    """The rules of one node in nftables mode at one revision."""

    kind: Literal["NodeText"]
    node: str = Field(description="The Node that the rules are for.", examples=["n1"])
    resource_version: str = Field(
        description="The revision that the rules follow from.", examples=["42"]
    )
    node_eligible: bool = Field(description=NODE_ELIGIBLE)
    health_check_node_ports: FailFastTuple[HealthCheck] = Field(
        description="What the node answers to load balancers."
    )
    text: str = Field(description="Input for `nft -f`.")
