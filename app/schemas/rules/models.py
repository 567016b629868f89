"""The wire shapes of a node's complete rules, and the spellings of the values in them.

    NodeRules | NftablesRules, and in them VirtualServer, IPSet, Netfilter, ...

Fields have the domain's values; the shapes document and validate their JSON.
Source: contract.md, "GET /nodes/{name}/ipvs".
"""

from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from app.domain.addresses import IPFamily, family_of_text
from app.domain.dataplane.ipvs import ipsets, iptables
from app.domain.dataplane.ipvs import virtual_server as servers
from app.domain.dataplane.ipvs.ipsets import SetName, SetType
from app.domain.dataplane.ipvs.virtual_server import ServerKey
from app.domain.dataplane.rules import model
from app.domain.dataplane.rules.address_numbers import ordered
from app.domain.dataplane.rules.model import ClaimRole, LocalDetection, NoticeReason
from app.domain.names import NamespacedName
from app.domain.objects.pod import WEIGHT_MAX
from app.domain.objects.service import Protocol, ServicePortName
from app.schemas.base import FailFastTuple, Output, Port, PortOrNone, one_of, text_map, words
from app.schemas.rules.health_checks import HealthCheck, Service
from app.schemas.rules.spelling import Spelling, attributes, record, row

NODE_ELIGIBLE = (
    "Whether load balancers may send the node traffic: false while it is being deleted, or has the "
    "taint `ToBeDeletedByClusterAutoscaler`."
)


class Backend(StrEnum):
    """The two kernel interfaces that rules are made for."""

    IPVS = "ipvs"
    NFTABLES = "nftables"


class DummyInterface(Output):
    """The interface that makes virtual addresses local."""

    name: str = Field(examples=["kube-ipvs0"])
    addresses: FailFastTuple[str] = Field(examples=[["10.96.17.4"]])


class ServicePortReference(Output):
    """One port of a Service."""

    namespace: str
    name: str
    port_name: str
    protocol: Protocol


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


class VirtualServerAddress(Output):
    """The identity of a virtual server."""

    address: str = Field(examples=["10.96.17.4"])
    port: PortOrNone
    protocol: Protocol


def _server_key(address: str, port: int, protocol: str) -> ServerKey:
    family = family_of_text(address)
    if family is None:
        raise ValueError(f"{address!r} is not an address")
    return servers.server_key(family, protocol, ordered(address)[1], port)


SERVER_KEY: Final = Spelling(
    VirtualServerAddress, attributes("address", "port", "protocol"), _server_key
)
Server = Annotated[ServerKey, SERVER_KEY]


class RealServer(Output):
    """A real server of a virtual server: the destination of connections."""

    address: str = Field(examples=["10.244.1.5"])
    port: PortOrNone
    weight: int = Field(
        ge=0, le=WEIGHT_MAX, description="0 takes no new connections.", examples=[1]
    )
    forwarding: Literal["masquerade"]


class RealServerAddress(Output):
    """The identity of a real server of a virtual server."""

    address: str
    port: PortOrNone


DESTINATION: Final = Spelling(RealServer, iter, model.Destination)
PLACE: Final = row(RealServerAddress)
Real = Annotated[model.Destination, DESTINATION]


class VirtualServer(Output):
    """One address, port and protocol, and its real servers."""

    address: str = Field(examples=["10.96.17.4"])
    port: Port
    protocol: Protocol
    scheduler: str = Field(examples=["rr"])
    flags: FailFastTuple[str] = Field(examples=[["persistent"]])
    persistence_timeout_seconds: int | None = Field(
        description="How long a client keeps its real server; null without affinity."
    )
    service: Service
    port_name: str
    real_servers: FailFastTuple[Real]


class VirtualServerSettings(VirtualServerAddress):
    """A virtual server without its real servers."""

    scheduler: str
    flags: FailFastTuple[str]
    persistence_timeout_seconds: int | None


_Settings = tuple[str, tuple[str, ...], int | None]
"""Scheduler, flags and persistence."""


def _settings(address: str, port: int, protocol: str, *how: *_Settings) -> servers.VirtualServer:
    return servers.VirtualServer(_server_key(address, port, protocol), *how)


def _served_port(
    *fields: *tuple[str, int, str, *_Settings, NamespacedName, str, tuple[model.Destination, ...]],
) -> servers.ServedPort:
    service, port_name, real_servers = fields[6:]
    server = _settings(*fields[:6])._replace(real_servers=real_servers)
    return servers.ServedPort(ServicePortName(service, port_name, fields[2]), server)


_SETTINGS_FIELDS = (
    "key.address",
    "key.port",
    "key.protocol",
    "scheduler",
    "flags",
    "persistence_s",
)
SETTINGS: Final = Spelling(VirtualServerSettings, attributes(*_SETTINGS_FIELDS), _settings)
SERVED_PORT: Final = Spelling(
    VirtualServer,
    attributes(
        *(f"server.{field}" for field in _SETTINGS_FIELDS),
        *("name.service", "name.port", "server.real_servers"),
    ),
    _served_port,
)


class IPSet(Output):
    """One set and all its entries, sorted."""

    name: str = Field(examples=["KUBE-CLUSTER-IP"])
    type: Annotated[SetType, words(SetType, "IPSetType")]
    family: Annotated[
        Literal["inet", "inet6"],
        one_of("IPSetFamily", "inet", "inet6", description="IPv4 or IPv6, as ipset names them."),
    ]
    max_elements: int | None = Field(description="Entries it can hold; null for a bitmap.")
    entries: FailFastTuple[str] = Field(examples=[["10.96.17.4,tcp:80"]])


IPSET: Final = record(IPSet, ipsets.IPSet, max_elements="elements_max")


class RejectingAddress(Output):
    """A load-balancer address that the node itself may not use."""

    address: str
    port: Port
    protocol: Protocol


class LocalSource(Output):
    """How the node's own Pods are recognised."""

    detection: LocalDetection
    value: str = Field(examples=["10.244.0.0/16"])


class NetfilterBasis(Output):
    """The facts that determine the rules of one family."""

    occupied_sets: FailFastTuple[str] = Field(description="Sets that are not empty, by IPv4 name.")
    shut_addresses: FailFastTuple[
        Annotated[iptables.RejectingAddress, record(RejectingAddress, iptables.rejecting_address)]
    ]
    masquerade_all: bool
    local_source: Annotated[model.LocalSource, record(LocalSource, model.LocalSource)] | None


class Netfilter(Output):
    """The iptables rules of one family, in order of writing."""

    family: IPFamily
    nat: FailFastTuple[str]
    filter: FailFastTuple[str]
    basis: Annotated[tuple[Any, ...], row(NetfilterBasis)]


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

    internal: FailFastTuple[str] = Field(examples=[["default/ent"]])
    external: FailFastTuple[str]


class PortConflict(Output):
    """An address, port and protocol that two Services claim."""

    address: str = Field(description="Empty for a node port: every address of the node.")
    port: Port
    protocol: Protocol
    winner: Claimant
    loser: Claimant
    role: ClaimRole = Field(description="The role of the address for the loser.")


class RulesNotice(Output):
    """A setting that may not have the intended effect."""

    service: Service
    reason: NoticeReason
    message: str


CONFLICT: Final = record(PortConflict, model.Conflict)
NOTICE: Final = record(RulesNotice, model.Notice)


class NodeRules(Output):
    """The rules of one node at one revision; sorted, so that equal state gives equal bytes."""

    kind: Literal["NodeRules"]
    node: str = Field(examples=["n1"])
    resource_version: str = Field(examples=["42"])
    backend: Annotated[Backend, words(Backend, "RulesBackend")]
    node_eligible: bool = Field(description=NODE_ELIGIBLE)
    dummy_interface: DummyInterface
    sysctls: Annotated[dict[str, str], text_map("Sysctls", "Kernel settings by name.")] = Field(
        examples=[{"net.ipv4.vs.conntrack": "1"}]
    )
    virtual_servers: FailFastTuple[Annotated[servers.ServedPort, SERVED_PORT]]
    ipsets: FailFastTuple[Annotated[ipsets.IPSet, IPSET]]
    netfilters: FailFastTuple[Annotated[iptables.Netfilter, NETFILTER]]
    health_check_node_ports: FailFastTuple[HealthCheck]
    no_local_endpoints: NoLocalEndpoints
    conflicts: FailFastTuple[Annotated[model.Conflict, CONFLICT]]
    notices: FailFastTuple[Annotated[model.Notice, NOTICE]]
    nftables: str | None = Field(
        default=None, description="Input for `nft -f`, when that backend was asked for."
    )


class NftablesRules(Output):
    """The rules of one node in nftables mode at one revision."""

    kind: Literal["NodeText"]
    node: str = Field(examples=["n1"])
    resource_version: str = Field(examples=["42"])
    node_eligible: bool = Field(description=NODE_ELIGIBLE)
    health_check_node_ports: FailFastTuple[HealthCheck]
    text: str = Field(description="Input for `nft -f`.")
