"""A Pod as Waypost knows it: a registration of a process that listens at an address.

Values only.  Of containers, only ports and readiness probes matter.
Source: contract.md, "Objects"; spec kubernetes-api 3.2 to 3.4, spec resolver 9; KEP-753
for sidecars.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from app.domain.addresses import IPFamily, canonical, family_of_text
from app.domain.objects.meta import Condition, is_condition_true
from app.domain.objects.resource import METADATA_FIELDS, Field, Object, Resource, Term, truth
from app.domain.objects.service import Protocol

GRACE_PERIOD_S_DEFAULT = 30
WEIGHT_MAX = 65_535  # of a Pod or an endpoint; 0 takes no new connections
GRACE_PERIOD_S_MAX = 2**31 - 1  # 68 years: longer periods are accepted, and shortened to this
WEIGHT_DEFAULT = 1
READY = "Ready"
LEASE_EXPIRED = "LeaseExpired"  # reason of a Ready condition: the Pod's own heartbeats stopped
NODE_LEASE_EXPIRED = "NodeLeaseExpired"  # the heartbeats of the agent that probes it stopped
NOT_REPORTED = "NotReportedYet"  # a client has to report readiness, and none has yet
READY_BEFORE = "waypost/ReadyBefore"  # condition: the Ready condition before a lease expired
LEASE_EXPIRED_REASONS = frozenset({LEASE_EXPIRED, NODE_LEASE_EXPIRED})


class PodPhase(StrEnum):
    """The phase of a Pod's life."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    UNKNOWN = "Unknown"


class DNSPolicy(StrEnum):
    """The basis of a Pod's resolv.conf (spec resolver 9.1)."""

    CLUSTER_FIRST = "ClusterFirst"
    CLUSTER_FIRST_WITH_HOST_NET = "ClusterFirstWithHostNet"
    DEFAULT = "Default"
    NONE = "None"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerPort:
    """A port a container declares; only its name, number and protocol matter."""

    container_port: int
    name: str = ""
    protocol: str = Protocol.TCP


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecAction:
    """Run a command in the container: stored, but not run by Waypost, which cannot enter it."""

    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HTTPGetAction:
    """Send an HTTP request; any status from 200 to 399 is a success."""

    port: int | str
    path: str = "/"
    scheme: str = "HTTP"
    host: str = ""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TCPSocketAction:
    """Open a TCP connection; an opened one is a success."""

    port: int | str
    host: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GRPCAction:
    """Call the standard gRPC health service; ``service`` empty means the whole server."""

    port: int
    service: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A readiness probe: exactly one action, and when to run it."""

    exec: ExecAction | None = None
    http_get: HTTPGetAction | None = None
    tcp_socket: TCPSocketAction | None = None
    grpc: GRPCAction | None = None
    initial_delay_s: int = 0
    period_s: int = 10
    timeout_s: int = 1
    success_threshold: int = 1
    failure_threshold: int = 3

    @property
    def is_asked_from_outside(self) -> bool:
        """Whether Waypost runs it: it cannot run a command inside the container."""
        return self.exec is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A container: its ports and readiness probe; an init container may be a sidecar."""

    name: str = ""
    ports: tuple[ContainerPort, ...] = ()
    readiness_probe: Probe | None = None
    restart_policy: str | None = None

    @property
    def is_sidecar(self) -> bool:
        """Whether an init container keeps running beside the others."""
        return self.restart_policy == "Always"


@dataclass(frozen=True, slots=True, kw_only=True)
class DNSConfig:
    """A Pod's additions to its resolv.conf; an option without a value has None."""

    nameservers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod(Object):
    """One Pod.  ``weight`` 0 (of 65535) drains it; ``lease_duration_s`` None means no lease."""

    node_name: str = ""
    hostname: str = ""
    subdomain: str = ""
    host_network: bool = False
    dns_policy: str = DNSPolicy.CLUSTER_FIRST
    dns_config: DNSConfig | None = None
    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    grace_period_s: int | None = None
    restart_policy: str = ""
    scheduler_name: str = ""
    service_account_name: str = ""
    weight: int = WEIGHT_DEFAULT
    lease_duration_s: int | None = None
    phase: str = ""
    pod_ips: tuple[str, ...] = ()
    host_ip: str = ""
    conditions: tuple[Condition, ...] = ()
    reason: str = ""
    message: str = ""
    nominated_node_name: str = ""

    @property
    def is_ready(self) -> bool:
        """Whether its Ready condition is True."""
        return is_condition_true(self.conditions, READY)

    @property
    def is_finished(self) -> bool:
        """Whether it has ended for good."""
        return self.phase in (PodPhase.SUCCEEDED, PodPhase.FAILED)

    @property
    def lasting_containers(self) -> tuple[Container, ...]:
        """The containers that run as long as the Pod: the regular ones, then the sidecars."""
        if not self.init_containers:
            return self.containers
        sidecars = (container for container in self.init_containers if container.is_sidecar)
        return (*self.containers, *sidecars)

    @property
    def readiness_probes(self) -> tuple[Probe, ...]:
        """The probes that must all succeed before the Pod is ready, those of sidecars included."""
        return tuple(
            container.readiness_probe
            for container in self.lasting_containers
            if container.readiness_probe is not None
        )

    @property
    def has_probe(self) -> bool:
        """Whether any container has a readiness probe."""
        return bool(self.readiness_probes)

    @property
    def is_probed_from_outside(self) -> bool:
        """Whether it has a probe that Waypost runs."""
        return any(probe.is_asked_from_outside for probe in self.readiness_probes)

    @property
    def needs_report(self) -> bool:
        """Whether it has a probe that Waypost does not run, so that a client must report Ready."""
        return not all(probe.is_asked_from_outside for probe in self.readiness_probes)

    @property
    def ready_condition(self) -> Condition | None:
        """Its Ready condition; None before any report."""
        return next((entry for entry in self.conditions if entry.type == READY), None)

    @property
    def has_expired_lease(self) -> bool:
        """Whether it is not ready because a lease expired, its own or its node's."""
        ready = self.ready_condition
        if ready is None or ready.status != "False":
            return False
        return ready.reason in LEASE_EXPIRED_REASONS

    def port_named(self, name: str, protocol: str) -> int | None:
        """Find a container port by name and protocol: containers first, then sidecars."""
        for container in self.lasting_containers:
            for port in container.ports:
                if port.name == name and port.protocol == protocol:
                    return port.container_port
        return None

    def addresses_of(self, family: IPFamily) -> tuple[str, ...]:
        """Its addresses of one family in canonical spelling."""
        return tuple(canonical(ip) for ip in self.pod_ips if family_of_text(ip) == family)


def _index_terms(pod: Pod) -> Iterator[Term]:
    for key, value in pod.metadata.labels.items():
        yield ("pod-label", pod.metadata.namespace, key, value)
    if pod.node_name:
        yield ("pod-node", pod.node_name)
    for ip in pod.pod_ips:
        yield ("pod-ip", canonical(ip))
    if pod.has_expired_lease:
        yield ("lease-expired",)


POD = Resource(
    name="Pod",
    plural="pods",
    api_version="v1",
    type=Pod,
    short_names=("po",),
    status_fields=(
        "phase",
        "pod_ips",
        "host_ip",
        "conditions",
        "reason",
        "message",
        "nominated_node_name",
    ),
    subresources=("status",),
    fields={
        **METADATA_FIELDS,
        "spec.nodeName": Field[Pod](values=lambda pod: (pod.node_name,), index="pod-node"),
        "spec.restartPolicy": Field[Pod](values=lambda pod: (pod.restart_policy,)),
        "spec.schedulerName": Field[Pod](values=lambda pod: (pod.scheduler_name,)),
        "spec.serviceAccountName": Field[Pod](values=lambda pod: (pod.service_account_name,)),
        "spec.hostNetwork": Field[Pod](values=lambda pod: truth(value=pod.host_network)),
        "status.phase": Field[Pod](values=lambda pod: (pod.phase,)),
        "status.podIP": Field[Pod](
            values=lambda pod: (canonical(pod.pod_ips[0]),) if pod.pod_ips else ("",),
            is_address=True,
            index="pod-ip",
        ),
        "status.podIPs": Field[Pod](
            values=lambda pod: tuple(map(canonical, pod.pod_ips)) or ("",),
            is_address=True,
            index="pod-ip",
        ),
        "status.nominatedNodeName": Field[Pod](values=lambda pod: (pod.nominated_node_name,)),
    },
    field_aliases={"spec.host": "spec.nodeName"},
    index_terms=_index_terms,
)
