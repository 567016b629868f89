"""A Service: a named group of backends behind a stable address.

Values only; the rules they must obey are in ``registration``.  Closed
vocabularies are enums, but fields are ``str``: before validation a draft may
contain any text.

Source: spec kubernetes-api 1.2; contract.md, "Objects", for the extensions.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from app.domain.addresses import canonical
from app.domain.labels import Requirement, selects
from app.domain.names import NamespacedName
from app.domain.objects.meta import Condition, is_condition_true
from app.domain.objects.resource import METADATA_FIELDS, Field, Object, Resource, Term

HEADLESS = "None"
MASS_FAILURE_GUARD = "MassFailureGuard"  # condition: the last known endpoints are kept
TOPOLOGY_MODE_ANNOTATION = "service.kubernetes.io/topology-mode"
TOPOLOGY_HINTS_ANNOTATION = "service.kubernetes.io/topology-aware-hints"  # older; wins if both
AFFINITY_TIMEOUT_S_DEFAULT = 10_800
AFFINITY_TIMEOUT_S_MAX = 86_400


class ServiceType(StrEnum):
    """How clients reach a Service; ClusterIP when absent."""

    CLUSTER_IP = "ClusterIP"
    NODE_PORT = "NodePort"
    LOAD_BALANCER = "LoadBalancer"
    EXTERNAL_NAME = "ExternalName"


class Protocol(StrEnum):
    """The transport of a port; TCP where it may be absent."""

    TCP = "TCP"
    UDP = "UDP"
    SCTP = "SCTP"


class SessionAffinity(StrEnum):
    """Whether connections of one client go to the same endpoint; None when absent."""

    NONE = "None"
    CLIENT_IP = "ClientIP"


class TrafficPolicy(StrEnum):
    """Whether traffic may leave the node it arrives on; Cluster when absent."""

    CLUSTER = "Cluster"
    LOCAL = "Local"


class IPFamilyPolicy(StrEnum):
    """Whether a Service is single-stack or dual-stack."""

    SINGLE_STACK = "SingleStack"
    PREFER_DUAL_STACK = "PreferDualStack"
    REQUIRE_DUAL_STACK = "RequireDualStack"


class TrafficDistribution(StrEnum):
    """Which endpoints are preferred; ``PreferClose`` is the older name of ``PreferSameZone``."""

    PREFER_CLOSE = "PreferClose"
    PREFER_SAME_ZONE = "PreferSameZone"
    PREFER_SAME_NODE = "PreferSameNode"


class Scheduler(StrEnum):
    """How IPVS chooses a real server (spec ipvs 3)."""

    RR = "rr"
    WRR = "wrr"
    LC = "lc"
    WLC = "wlc"
    LBLC = "lblc"
    LBLCR = "lblcr"
    DH = "dh"
    SH = "sh"
    SED = "sed"
    NQ = "nq"
    FO = "fo"
    OVF = "ovf"
    MH = "mh"


class ServicePortName(NamedTuple):
    """The key of one port: unnamed ports have the name ``""``."""

    service: NamespacedName
    port: str
    protocol: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePort:
    """One listening port, 1 to 65535; ``target_port`` 0 or "" means the same as ``port``.

    ``target_port`` is a number or the name of a container port; ``node_port`` 0 means none.
    """

    port: int
    name: str = ""
    protocol: str = Protocol.TCP
    target_port: int | str = 0
    node_port: int = 0
    app_protocol: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadBalancerIngress:
    """One address or name at which a load balancer answers; ``ip_mode`` is VIP or Proxy."""

    ip: str = ""
    hostname: str = ""
    ip_mode: str | None = None


# These are asked of every Service, and naming a member of an enum is a search for it.
_CLUSTER_IP, _NODE_PORT = ServiceType.CLUSTER_IP.value, ServiceType.NODE_PORT.value
_LOAD_BALANCER = ServiceType.LOAD_BALANCER.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Service(Object):
    """One Service.  Empty text, 0, ``()`` and None mean that the field is absent.

    ``cluster_ips`` keep the client's spelling; ``cluster_ip`` is the singular field,
    equal to the first of the list once normalised.  ``requested_ips`` are those that a
    client named, in canonical form; they are not part of the Service on the wire.
    """

    type: str = ""
    selector: Mapping[str, str] | None = None
    selector_expressions: tuple[Requirement, ...] = ()
    ports: tuple[ServicePort, ...] = ()
    cluster_ip: str = ""
    cluster_ips: tuple[str, ...] = ()
    ip_families: tuple[str, ...] = ()
    ip_family_policy: str | None = None
    session_affinity: str = ""
    affinity_timeout_s: int | None = None
    external_name: str = ""
    external_ips: tuple[str, ...] = ()
    external_traffic_policy: str = ""
    internal_traffic_policy: str | None = None
    health_check_node_port: int = 0
    allocate_load_balancer_node_ports: bool | None = None
    load_balancer_class: str | None = None
    load_balancer_ip: str = ""
    load_balancer_source_ranges: tuple[str, ...] = ()
    publish_not_ready_addresses: bool = False
    traffic_distribution: str | None = None
    scheduler: str | None = None
    requested_ips: tuple[str, ...] = ()
    ingress: tuple[LoadBalancerIngress, ...] = ()
    conditions: tuple[Condition, ...] = field(default=())

    @property
    def is_headless(self) -> bool:
        """Whether its name resolves to its endpoints."""
        return self.cluster_ip == HEADLESS

    @property
    def is_external_name(self) -> bool:
        """Whether the Service is only an alias."""
        return self.type == ServiceType.EXTERNAL_NAME

    @property
    def is_load_balancer(self) -> bool:
        """Whether a load balancer outside the cluster sends it traffic."""
        return self.type == _LOAD_BALANCER

    @property
    def needs_cluster_ip(self) -> bool:
        """Whether the type has cluster addresses, ``None`` counting as one."""
        return self.type == _CLUSTER_IP or self.uses_node_ports

    @property
    def uses_node_ports(self) -> bool:
        """Whether node ports may be set and are reserved (spec kubernetes-api 1.10)."""
        return self.type in (_NODE_PORT, _LOAD_BALANCER)

    @property
    def allocates_node_ports(self) -> bool:
        """Whether a port without a node port is given one."""
        return self.type == _NODE_PORT or (
            self.is_load_balancer and self.allocate_load_balancer_node_ports is not False
        )

    @property
    def needs_health_check_port(self) -> bool:
        """Whether load balancers check on each node if it has ready endpoints."""
        return self.is_load_balancer and self.external_traffic_policy == TrafficPolicy.LOCAL

    @property
    def is_externally_accessible(self) -> bool:
        """Whether traffic from outside the cluster can reach it."""
        return self.uses_node_ports or (self.type == _CLUSTER_IP and bool(self.external_ips))

    @property
    def has_selector(self) -> bool:
        """Whether its endpoints are computed, not written by hand."""
        return bool(self.selector) or bool(self.selector_expressions)

    @property
    def is_balanced(self) -> bool:
        """Whether hints depend on all its endpoints together (topology mode Auto)."""
        notes = self.metadata.annotations
        mode = notes.get(TOPOLOGY_HINTS_ANNOTATION, notes.get(TOPOLOGY_MODE_ANNOTATION, ""))
        return mode in ("Auto", "auto")

    @property
    def is_guarded(self) -> bool:
        """Whether the mass-failure guard keeps endpoints that miss heartbeats."""
        return is_condition_true(self.conditions, MASS_FAILURE_GUARD)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its cluster addresses in canonical form; none if it is headless or an alias."""
        if self.is_headless or self.is_external_name:
            return ()
        return tuple(canonical(text) for text in self.cluster_ips)

    @property
    def node_ports(self) -> tuple[int, ...]:
        """The node ports that it holds, with its health-check port, sorted.

        Other types, such as ExternalName, may have numbers in their ports without holding them.
        """
        if not self.uses_node_ports:
            return ()
        numbers = {port.node_port for port in self.ports} | {self.health_check_node_port}
        return tuple(sorted(numbers - {0}))

    def selects(self, labels: Mapping[str, str]) -> bool:
        """Whether its selector matches these labels of a Pod."""
        return selects(self.selector, self.selector_expressions, labels)


def _index_terms(service: Service) -> Iterator[Term]:
    for address in service.addresses:
        yield ("address", address)
    for address in (*service.external_ips, *(entry.ip for entry in service.ingress if entry.ip)):
        yield ("external", canonical(address))
    for number in service.node_ports:
        yield ("node-port", str(number))
    for number in {port.node_port for port in service.ports} - {0}:
        yield ("node-port-wish", str(number))
    if service.selector:
        # One requirement is enough to find the Service from a Pod's labels.
        yield ("anchor", service.metadata.namespace, *min(service.selector.items()))
    elif service.selector_expressions:
        yield ("anchor", service.metadata.namespace)
    yield from (
        (word,)
        for word, is_so in (("balanced", service.is_balanced), ("guarded", service.is_guarded))
        if is_so
    )


SERVICE = Resource(
    name="Service",
    plural="services",
    api_version="v1",
    type=Service,
    short_names=("svc",),
    status_fields=("ingress", "conditions"),
    subresources=("status",),
    allocates=True,
    fields={
        **METADATA_FIELDS,
        "spec.clusterIP": Field[Service](
            values=lambda service: (canonical(service.cluster_ip),),
            is_address=True,
            index="address",
        ),
        "spec.type": Field[Service](values=lambda service: (service.type,)),
    },
    index_terms=_index_terms,
)
