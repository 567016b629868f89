"""The wire shape of a Service.

    Service <-> Service (domain)

Source: spec kubernetes-api 1.2; contract.md, "Objects", for the extensions.
"""

from typing import Annotated, ClassVar

from pydantic import Field

from app.domain.addresses import IPFamily
from app.domain.labels import Requirement
from app.domain.objects import service as domain
from app.schemas.base import (
    SELECTOR_OPERATOR,
    Input,
    Int32,
    IntOrString,
    Labels,
    Port,
    PortOrNone,
    one_of,
    words,
)
from app.schemas.objects.metadata import Condition
from app.schemas.objects.shapes import shape_of
from app.schemas.objects.wire import Manifest, Wire

_IP_MODES = one_of(
    "LoadBalancerIPMode",
    *("VIP", "Proxy"),
    description="Whether a load balancer sends packets to its own address on to the nodes.",
)
Protocol = Annotated[str, words(domain.Protocol)]


@shape_of(domain.ServicePort, exact=("target_port",))
class ServicePort(Input):
    """One listening port of a Service."""

    name: str | None = Field(
        default=None, description="Required and unique among several ports.", examples=["http"]
    )
    protocol: Protocol | None = Field(default=None, description="`TCP` when absent.")
    app_protocol: str | None = Field(
        default=None,
        description="The application protocol of the port.",
        examples=["http", "kubernetes.io/h2c"],
    )
    port: Port | None = Field(default=None, description="The number of the port.", examples=[80])
    target_port: IntOrString | None = Field(
        default=None,
        description="Number, or name of a container port, on the Pods; absent means `port`.",
        examples=[8080, "web"],
    )
    node_port: PortOrNone | None = Field(
        default=None, description="Port opened on every node; allocated when the type needs one."
    )
    documented_required: ClassVar = ("port",)


@shape_of(Requirement, always=("values",))
class SelectorExpression(Input):
    """One condition on a label of the Pods (an extension of Waypost).

    It is a LabelSelectorRequirement whose `values` are always in answers.
    """

    key: str | None = Field(default=None, description="The key of the label.", examples=["track"])
    operator: Annotated[str, SELECTOR_OPERATOR] | None = Field(
        default=None, description="How the label is compared."
    )
    values: list[str] | None = Field(
        default=None,
        description="Values to compare with; none for `Exists` and `DoesNotExist`.",
        examples=[["stable", "canary"]],
    )
    documented_required: ClassVar = ("key", "operator")


@shape_of(domain.Service, timeout_seconds="affinity_timeout_s")
class ClientIPConfig(Input):
    """How long connections of a client go to the same backend."""

    timeout_seconds: Int32 | None = Field(
        default=None, description="1 to 86400; 10800 when absent."
    )


@shape_of(domain.Service)
class SessionAffinityConfig(Input):
    """Details of the session affinity."""

    client_ip: ClientIPConfig | None = Field(
        default=None, description="Details of affinity by the client's address."
    )


@shape_of(domain.Service, always=("ports",))
class ServiceSpec(Input):
    """The desired state of a Service."""

    ports: list[ServicePort] | None = Field(
        default=None, description="The ports that the Service listens on."
    )
    type: Annotated[str, words(domain.ServiceType)] | None = Field(
        default=None, description="`ClusterIP` when absent."
    )
    selector: Labels | None = Field(
        default=None,
        description="Labels a Pod must carry to be an endpoint; absent or empty selects nothing.",
        examples=[{"app": "ent"}],
    )
    selector_expressions: list[SelectorExpression] | None = Field(
        default=None,
        description="More conditions, all of which must hold (an extension of Waypost).",
    )
    cluster_ip: str | None = Field(
        default=None,
        description="The virtual address; the text `None` makes the Service headless; "
        "allocated when absent.",
        examples=["10.96.17.4", "None"],
    )
    cluster_ips: list[str] | None = Field(
        default=None, description="One address of each IP family; the first equals `clusterIP`."
    )
    ip_families: list[Annotated[str, words(IPFamily)]] | None = Field(
        default=None,
        description="The IP families of the Service; chosen when absent.",
        examples=[["IPv4", "IPv6"]],
    )
    session_affinity: Annotated[str, words(domain.SessionAffinity)] | None = Field(
        default=None, description="`None` when absent."
    )
    external_name: str | None = Field(
        default=None, description="For type ExternalName: the name this one is an alias of."
    )
    external_ips: list[str] | None = Field(
        default=None,
        description="Addresses, routed to the nodes by others, at which the ports answer.",
    )
    external_traffic_policy: Annotated[str, words(domain.TrafficPolicy)] | None = Field(
        default=None,
        description="For traffic from outside, at node ports and load balancers; Cluster when "
        "absent.",
    )
    health_check_node_port: PortOrNone | None = Field(
        default=None,
        description="The port at which nodes tell load balancers whether they have endpoints; "
        "allocated when needed.",
    )
    load_balancer_ip: str | None = Field(
        default=None, description="The address that is asked of the load balancer; stored as given."
    )
    load_balancer_source_ranges: list[str] | None = Field(
        default=None,
        description="Clients that may use the load balancer; all when absent.",
        examples=[["192.0.2.0/24"]],
    )
    publish_not_ready_addresses: bool | None = Field(
        default=None, description="Whether Pods are endpoints before they are ready."
    )
    ip_family_policy: Annotated[str, words(domain.IPFamilyPolicy)] | None = Field(
        default=None, description="Whether one or both IP families are used."
    )
    internal_traffic_policy: Annotated[str, words(domain.TrafficPolicy)] | None = Field(
        default=None, description="For traffic from inside; Cluster when absent."
    )
    allocate_load_balancer_node_ports: bool | None = Field(
        default=None,
        description="Whether a load balancer's ports get node ports; true when absent.",
    )
    load_balancer_class: str | None = Field(
        default=None, description="Which load balancer is meant; it cannot be changed."
    )
    traffic_distribution: Annotated[str, words(domain.TrafficDistribution)] | None = Field(
        default=None, description="Which endpoints are preferred; none when absent."
    )
    scheduler: Annotated[str, words(domain.Scheduler)] | None = Field(
        default=None, description="The IPVS scheduler of this Service (an extension of Waypost)."
    )
    session_affinity_config: SessionAffinityConfig | None = Field(
        default=None, description="Details of the session affinity."
    )


@shape_of(domain.LoadBalancerIngress)
class LoadBalancerIngress(Input):
    """One address or name at which a load balancer answers."""

    ip: str | None = Field(default=None, description="The address.", examples=["192.0.2.10"])
    hostname: str | None = Field(default=None, description="The name.")
    ip_mode: Annotated[str, _IP_MODES] | None = Field(
        default=None, description="What is done with packets to the address; VIP when absent."
    )


@shape_of(domain.Service)
class LoadBalancerStatus(Input):
    """The addresses and names at which a load balancer answers."""

    ingress: list[LoadBalancerIngress] | None = Field(
        default=None, description="Addresses and names at which it answers."
    )


@shape_of(domain.Service)
class ServiceStatus(Input):
    """The reported state of a Service."""

    load_balancer: LoadBalancerStatus | None = Field(
        default=None, description="Where the load balancer answers."
    )
    conditions: list[Condition] | None = Field(
        default=None, description="Conditions of the Service."
    )
    documented_required: ClassVar = ("loadBalancer",)


@shape_of(domain.Service)
class Service(Manifest):
    """A named group of Pods behind one address."""

    spec: ServiceSpec | None = None
    status: ServiceStatus | None = None
    of_kind: ClassVar = "Service"
    example: ClassVar = {
        "metadata": {"name": "ent", "namespace": "default"},
        "spec": {
            "selector": {"app": "ent"},
            "ports": [{"name": "http", "port": 80, "targetPort": 8080}],
        },
    }


WIRE = Wire(
    resource=domain.SERVICE,
    model=Service,
    stored_only={"requestedIPs": "requested_ips"},
)
