"""The wire shape of a Pod, a registration of a process that listens at an address.

    Pod <-> Pod (domain)

Of containers only ports and probes are stored; a warning names what else is given.
Source: contract.md, "Objects"; spec kubernetes-api 3.2 to 3.4, spec resolver 9.
"""

from operator import itemgetter
from typing import Annotated, ClassVar

from pydantic import Field

from app.domain.objects import pod as domain
from app.schemas.base import Input, Int32, Int64, IntOrString, Port, words
from app.schemas.objects.metadata import Condition
from app.schemas.objects.service import Protocol
from app.schemas.objects.shapes import first_of, led_by, shape_of
from app.schemas.objects.wire import Linked, Manifest, Wire


@shape_of(domain.ContainerPort)
class ContainerPort(Input):
    """A port that a container listens on; Services refer to it by name."""

    name: str | None = Field(
        default=None, description="The name by which Services refer to the port.", examples=["web"]
    )
    container_port: Port | None = Field(
        default=None, description="The number of the port.", examples=[8080]
    )
    protocol: Protocol | None = Field(default=None, description="`TCP` when absent.")
    documented_required: ClassVar = ("containerPort",)


@shape_of(domain.ExecAction)
class ExecAction(Input):
    """Probe by running a command in the container, which Waypost does not do."""

    command: list[str] | None = Field(
        default=None,
        description="The command with its arguments.",
        examples=[["pg_isready", "-U", "postgres"]],
    )
    documented_required: ClassVar = ("command",)


def _header(name: str = "", value: str = "") -> tuple[str, str]:
    return name, value


@shape_of(_header, take={"name": itemgetter(0), "value": itemgetter(1)})
class HTTPHeader(Input):
    """A header of a probe's request."""

    name: str | None = Field(default=None, description="The name of the header.")
    value: str | None = Field(default=None, description="The value of the header.")
    documented_required: ClassVar = ("name", "value")


@shape_of(domain.HTTPGetAction, exact=("port",), http_headers="headers")
class HTTPGetAction(Input):
    """Probe by HTTP: 200 to 399 is a success."""

    path: str | None = Field(
        default=None,
        description="The path that is asked for; `/` when absent.",
        examples=["/healthz"],
    )
    port: IntOrString | None = Field(
        default=None, description="The port that is asked.", examples=[8080]
    )
    scheme: str | None = Field(default=None, description="HTTP or HTTPS.")
    host: str | None = Field(
        default=None, description="The host that is asked; the Pod's address when absent."
    )
    http_headers: list[HTTPHeader] | None = Field(
        default=None, description="Headers of the request."
    )
    documented_required: ClassVar = ("port",)


@shape_of(domain.TCPSocketAction, exact=("port",))
class TCPSocketAction(Input):
    """Probe by opening a connection."""

    port: IntOrString | None = Field(default=None, description="The port that is opened.")
    host: str | None = Field(
        default=None, description="The host that is connected to; the Pod's address when absent."
    )
    documented_required: ClassVar = ("port",)


@shape_of(domain.GRPCAction, always=("service",))
class GRPCAction(Input):
    """Probe by the standard gRPC health service."""

    port: Port | None = Field(default=None, description="The port that is asked.")
    service: str | None = Field(
        default=None, description="The service whose health is asked for; the server's when empty."
    )
    documented_required: ClassVar = ("port",)


@shape_of(
    domain.Probe,
    always=("initial_delay_seconds",),
    initial_delay_seconds="initial_delay_s",
    period_seconds="period_s",
    timeout_seconds="timeout_s",
)
class Probe(Input):
    """A readiness probe: one action, and when to run it."""

    exec: ExecAction | None = Field(
        default=None, description="Stored but not run: a client has to report readiness."
    )
    http_get: HTTPGetAction | None = Field(default=None, description="Probe by HTTP.")
    tcp_socket: TCPSocketAction | None = Field(
        default=None, description="Probe by opening a connection."
    )
    grpc: GRPCAction | None = Field(default=None, description="Probe by gRPC.")
    initial_delay_seconds: Int32 | None = Field(
        default=None, description="Seconds before the first probe; 0 when absent."
    )
    period_seconds: Int32 | None = Field(default=None, description="10 when absent.")
    timeout_seconds: Int32 | None = Field(default=None, description="1 when absent.")
    success_threshold: Int32 | None = Field(default=None, description="1 when absent.")
    failure_threshold: Int32 | None = Field(default=None, description="3 when absent.")


@shape_of(domain.Container)
class Container(Input):
    """A container: only its ports and its readiness probe count."""

    name: str | None = Field(default=None, description="The name of the container.")
    ports: list[ContainerPort] | None = Field(
        default=None, description="Ports that Services may refer to by name."
    )
    readiness_probe: Probe | None = Field(
        default=None, description="How it is found out whether the container takes traffic."
    )
    restart_policy: str | None = Field(
        default=None,
        description="`Always` makes an init container a sidecar, whose ports and probe count.",
    )


def _option(name: str = "", value: str | None = None) -> tuple[str, str | None]:
    return name, value


@shape_of(_option, take={"name": itemgetter(0), "value": itemgetter(1)})
class DNSConfigOption(Input):
    """One option of resolv.conf."""

    name: str | None = Field(
        default=None, description="The name of the option.", examples=["ndots"]
    )
    value: str | None = Field(
        default=None, description="The value of the option, if it has one.", examples=["2"]
    )
    documented_required: ClassVar = ("name",)


@shape_of(domain.DNSConfig)
class DNSConfig(Input):
    """The additions of a Pod to its resolv.conf."""

    nameservers: list[str] | None = Field(
        default=None, description="Addresses of more name servers."
    )
    searches: list[str] | None = Field(default=None, description="More domains to search in.")
    options: list[DNSConfigOption] | None = Field(
        default=None, description="Options, in place of those of the same name."
    )


@shape_of(
    domain.Pod,
    always=("containers",),
    exact=("weight",),
    termination_grace_period_seconds="grace_period_s",
    lease_duration_seconds="lease_duration_s",
)
class PodSpec(Input):
    """The registered properties of a Pod."""

    containers: list[Container] | None = Field(
        default=None, description="Containers, for their ports and probes."
    )
    init_containers: list[Container] | None = Field(
        default=None, description="Init containers, of which sidecars count."
    )
    node_name: str | None = Field(
        default=None, description="The Node that the Pod runs on.", examples=["n1"]
    )
    hostname: str | None = Field(
        default=None, description="The host name of the Pod; its name when absent."
    )
    subdomain: str | None = Field(
        default=None, description="Names the headless Service that gives the hostname a DNS name."
    )
    host_network: bool | None = Field(
        default=None, description="Whether the Pod has the addresses of its Node."
    )
    dns_policy: Annotated[str, words(domain.DNSPolicy)] | None = Field(
        default=None, description="`ClusterFirst` when absent."
    )
    restart_policy: str | None = Field(default=None, description="Stored as given.")
    scheduler_name: str | None = Field(default=None, description="Stored as given.")
    service_account_name: str | None = Field(default=None, description="Stored as given.")
    dns_config: DNSConfig | None = Field(
        default=None, description="Additions to the Pod's resolv.conf."
    )
    termination_grace_period_seconds: Int64 | None = Field(
        default=None,
        description="How long the Pod keeps terminating after its deletion; 30 when absent.",
    )
    lease_duration_seconds: Int32 | None = Field(
        default=None,
        description="Heartbeats are expected within this time; absent means no lease "
        "(an extension of Waypost).",
    )
    weight: Int32 | None = Field(
        default=None,
        description="Share of the traffic, 0 to 65535; 1 when absent, 0 drains "
        "(an extension of Waypost).",
    )


def _ip(ip: str = "") -> str:
    return ip


@shape_of(_ip, take={"ip": str})
class PodIP(Input):
    """One address of a Pod."""

    ip: str | None = Field(default=None, description="The address.", examples=["10.244.1.5"])
    documented_required: ClassVar = ("ip",)


@shape_of(domain.Pod, take={"pod_ip": first_of("pod_ips")}, always=("pod_ips", "conditions"))
class PodStatus(Input):
    """The state of a Pod that its registrar or a probe reports."""

    phase: Annotated[str, words(domain.PodPhase)] | None = Field(
        default=None, description="Running when absent and there is an address, else Pending."
    )
    host_ip: str | None = Field(default=None, description="The address of the Node.")
    reason: str | None = Field(default=None, description="A word for programs.")
    message: str | None = Field(default=None, description="A sentence for people.")
    nominated_node_name: str | None = Field(default=None, description="Stored as given.")
    pod_ip: str | None = Field(
        default=None, description="The first of `podIPs`.", examples=["10.244.1.5"]
    )
    pod_ips: list[PodIP] | None = Field(
        default=None, description="At most one address of each IP family."
    )
    conditions: list[Condition] | None = Field(
        default=None,
        description="Conditions, of which `Ready` decides whether the Pod gets traffic.",
    )


@shape_of(domain.Pod, derived={"pod_ips": led_by("pod_ip", "pod_ips")})
class Pod(Manifest):
    """A registration of something that runs at an address."""

    spec: PodSpec | None = None
    status: PodStatus | None = None
    of_kind: ClassVar = "Pod"
    example: ClassVar = {
        "metadata": {"name": "ent-1", "namespace": "default", "labels": {"app": "ent"}},
        "spec": {"nodeName": "n1", "leaseDurationSeconds": 30},
        "status": {"podIPs": [{"ip": "10.244.1.5"}]},
    }


WIRE = Wire(
    resource=domain.POD,
    model=Pod,
    linked=Linked("status", "podIP", "podIPs"),
)
