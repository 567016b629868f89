"""The wire shape of a Service.

    ServiceWrite -> Service (domain) -> dict

Source: spec kubernetes-api 1.2; contract.md, "Objects", for the extensions.
"""

from typing import Annotated, ClassVar

from pydantic import Field, WithJsonSchema

from app.domain.addresses import IPFamily
from app.domain.labels import Requirement
from app.domain.objects import service as domain
from app.schemas.base import (
    Input,
    Int32,
    IntOrString,
    Port,
    PortOrNone,
    TextMap,
    put_not_empty,
    put_set,
    text_map,
    words,
)
from app.schemas.objects.metadata import (
    Condition,
    decode_conditions,
    decode_meta,
    encode_conditions,
)
from app.schemas.objects.wire import Manifest, Wire, read_model

_OPERATORS = WithJsonSchema({"type": "string", "enum": ["In", "NotIn", "Exists", "DoesNotExist"]})
_IP_MODES = WithJsonSchema({"type": "string", "enum": ["VIP", "Proxy"]})
Protocol = Annotated[str, words(domain.Protocol, default=domain.Protocol.TCP)]


class ServicePort(Input):
    """One listening port of a Service."""

    name: str | None = Field(
        default=None, description="Required and unique among several ports.", examples=["http"]
    )
    protocol: Protocol | None = None
    app_protocol: str | None = Field(
        default=None,
        description="The application protocol of the port.",
        examples=["http", "kubernetes.io/h2c"],
    )
    port: Port | None = Field(default=None, examples=[80])
    target_port: IntOrString | None = Field(
        default=None,
        description="Number, or name of a container port, on the Pods; absent means `port`.",
        examples=[8080, "web"],
    )
    node_port: PortOrNone | None = Field(
        default=None, description="Port opened on every node; allocated when the type needs one."
    )
    documented_required: ClassVar = ("port",)


class SelectorExpression(Input):
    """One condition on a label of the Pods (an extension of Waypost)."""

    key: str | None = Field(default=None, examples=["track"])
    operator: Annotated[str, _OPERATORS] | None = None
    values: list[str] | None = Field(default=None, examples=[["stable", "canary"]])
    documented_required: ClassVar = ("key", "operator")


class ClientIPConfig(Input):
    """How long connections of a client go to the same backend."""

    timeout_seconds: Int32 | None = Field(
        default=None, description="1 to 86400; 10800 when absent."
    )


class SessionAffinityConfig(Input):
    """Details of the session affinity."""

    client_ip: ClientIPConfig | None = None


class ServiceSpec(Input):
    """The desired state of a Service."""

    type: (
        Annotated[str, words(domain.ServiceType, default=domain.ServiceType.CLUSTER_IP)] | None
    ) = None
    selector: TextMap | None = Field(
        default=None,
        description="Labels a Pod must carry to be an endpoint; absent or empty selects nothing.",
        examples=[{"app": "ent"}],
    )
    selector_expressions: list[SelectorExpression] | None = Field(
        default=None,
        description="More conditions, all of which must hold (an extension of Waypost).",
    )
    ports: list[ServicePort] | None = None
    cluster_ip: str | None = Field(
        default=None,
        description="The virtual address; `None`, the word, makes the Service headless; "
        "allocated when absent.",
        examples=["10.96.17.4", "None"],
    )
    cluster_ips: list[str] | None = Field(
        default=None, description="One address a family; the first equals `clusterIP`."
    )
    ip_families: list[Annotated[str, words(IPFamily)]] | None = Field(
        default=None, examples=[["IPv4", "IPv6"]]
    )
    ip_family_policy: Annotated[str, words(domain.IPFamilyPolicy)] | None = None
    session_affinity: (
        Annotated[str, words(domain.SessionAffinity, default=domain.SessionAffinity.NONE)] | None
    ) = None
    session_affinity_config: SessionAffinityConfig | None = None
    external_name: str | None = Field(
        default=None, description="For type ExternalName: the name this one is an alias of."
    )
    external_ips: list[str] | None = Field(
        default=None,
        description="Addresses, routed to the nodes by others, at which the ports answer.",
    )
    external_traffic_policy: Annotated[str, words(domain.TrafficPolicy)] | None = None
    internal_traffic_policy: Annotated[str, words(domain.TrafficPolicy)] | None = None
    health_check_node_port: PortOrNone | None = None
    allocate_load_balancer_node_ports: bool | None = None
    load_balancer_class: str | None = None
    load_balancer_ip: str | None = None
    load_balancer_source_ranges: list[str] | None = Field(default=None, examples=[["192.0.2.0/24"]])
    publish_not_ready_addresses: bool | None = None
    traffic_distribution: Annotated[str, words(domain.TrafficDistribution)] | None = None
    scheduler: Annotated[str, words(domain.Scheduler)] | None = Field(
        default=None, description="The IPVS scheduler of this Service (an extension of Waypost)."
    )


class LoadBalancerIngress(Input):
    """One address or name at which a load balancer answers."""

    ip: str | None = Field(default=None, examples=["192.0.2.10"])
    hostname: str | None = None
    ip_mode: Annotated[str, _IP_MODES] | None = None


class LoadBalancerStatus(Input):
    """The addresses and names at which a load balancer answers."""

    ingress: list[LoadBalancerIngress] | None = None


class ServiceStatus(Input):
    """The reported state of a Service."""

    load_balancer: LoadBalancerStatus | None = None
    conditions: list[Condition] | None = None
    documented_required: ClassVar = ("loadBalancer",)


class ServiceWrite(Manifest):
    """A Service manifest."""

    spec: ServiceSpec | None = None
    status: ServiceStatus | None = None
    of_kind: ClassVar = "Service"


def decode_service(wire: ServiceWrite) -> domain.Service:
    """Decode a Service, without defaults."""
    spec, status = wire.spec or ServiceSpec(), wire.status or ServiceStatus()
    affinity = spec.session_affinity_config and spec.session_affinity_config.client_ip
    balancer = status.load_balancer
    return domain.Service(
        metadata=decode_meta(wire.metadata),
        type=spec.type or "",
        selector=None if spec.selector is None else text_map(spec.selector),
        selector_expressions=tuple(
            Requirement(
                key=expression.key or "",
                operator=expression.operator or "",
                values=tuple(expression.values or ()),
            )
            for expression in spec.selector_expressions or ()
        ),
        ports=tuple(_decode_port(port) for port in spec.ports or ()),
        cluster_ip=spec.cluster_ip or "",
        cluster_ips=tuple(spec.cluster_ips or ()),
        ip_families=tuple(spec.ip_families or ()),
        ip_family_policy=spec.ip_family_policy,
        session_affinity=spec.session_affinity or "",
        affinity_timeout_s=affinity.timeout_seconds if affinity else None,
        external_name=spec.external_name or "",
        external_ips=tuple(spec.external_ips or ()),
        external_traffic_policy=spec.external_traffic_policy or "",
        internal_traffic_policy=spec.internal_traffic_policy,
        health_check_node_port=spec.health_check_node_port or 0,
        allocate_load_balancer_node_ports=spec.allocate_load_balancer_node_ports,
        load_balancer_class=spec.load_balancer_class,
        load_balancer_ip=spec.load_balancer_ip or "",
        load_balancer_source_ranges=tuple(spec.load_balancer_source_ranges or ()),
        publish_not_ready_addresses=spec.publish_not_ready_addresses or False,
        traffic_distribution=spec.traffic_distribution,
        scheduler=spec.scheduler,
        ingress=tuple(
            domain.LoadBalancerIngress(
                ip=entry.ip or "", hostname=entry.hostname or "", ip_mode=entry.ip_mode
            )
            for entry in (balancer.ingress if balancer else None) or ()
        ),
        conditions=decode_conditions(status.conditions),
    )


def _decode_port(wire: ServicePort) -> domain.ServicePort:
    return domain.ServicePort(
        port=wire.port or 0,
        name=wire.name or "",
        protocol=wire.protocol or domain.Protocol.TCP,
        target_port=0 if wire.target_port is None else wire.target_port,
        node_port=wire.node_port or 0,
        app_protocol=wire.app_protocol,
    )


def encode_service(service: domain.Service) -> dict[str, object]:
    """Encode the spec and status of a Service."""
    status: dict[str, object] = {
        "loadBalancer": {"ingress": [_encode_ingress(entry) for entry in service.ingress]}
        if service.ingress
        else {}
    }
    if service.conditions:
        status["conditions"] = encode_conditions(service.conditions)
    return {"spec": _encode_spec(service), "status": status}


_WHEN_NOT_EMPTY = {
    "clusterIP": "cluster_ip",
    "clusterIPs": "cluster_ips",
    "ipFamilies": "ip_families",
    "sessionAffinity": "session_affinity",
    "externalName": "external_name",
    "externalIPs": "external_ips",
    "externalTrafficPolicy": "external_traffic_policy",
    "healthCheckNodePort": "health_check_node_port",
    "loadBalancerIP": "load_balancer_ip",
    "loadBalancerSourceRanges": "load_balancer_source_ranges",
    "publishNotReadyAddresses": "publish_not_ready_addresses",
}
_WHEN_SET = {
    "ipFamilyPolicy": "ip_family_policy",
    "internalTrafficPolicy": "internal_traffic_policy",
    "allocateLoadBalancerNodePorts": "allocate_load_balancer_node_ports",
    "loadBalancerClass": "load_balancer_class",
    "trafficDistribution": "traffic_distribution",
    "scheduler": "scheduler",
}


def _encode_spec(service: domain.Service) -> dict[str, object]:
    spec: dict[str, object] = {"ports": [_encode_port(port) for port in service.ports]}
    if service.type:
        spec["type"] = service.type
    if service.selector is not None:
        spec["selector"] = dict(service.selector)
    if service.selector_expressions:
        spec["selectorExpressions"] = [
            {"key": wanted.key, "operator": wanted.operator, "values": list(wanted.values)}
            for wanted in service.selector_expressions
        ]
    put_not_empty(spec, service, _WHEN_NOT_EMPTY)
    put_set(spec, service, _WHEN_SET)
    if service.affinity_timeout_s is not None:
        spec["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": service.affinity_timeout_s}}
    return spec


def _encode_port(port: domain.ServicePort) -> dict[str, object]:
    wire: dict[str, object] = {"name": port.name} if port.name else {}
    wire["protocol"] = port.protocol
    if port.app_protocol is not None:
        wire["appProtocol"] = port.app_protocol
    wire["port"] = port.port
    if port.target_port != 0:
        wire["targetPort"] = port.target_port
    if port.node_port:
        wire["nodePort"] = port.node_port
    return wire


def _encode_ingress(entry: domain.LoadBalancerIngress) -> dict[str, object]:
    wire: dict[str, object] = {"ip": entry.ip} if entry.ip else {}
    if entry.hostname:
        wire["hostname"] = entry.hostname
    if entry.ip_mode is not None:
        wire["ipMode"] = entry.ip_mode
    return wire


WIRE = Wire(
    resource=domain.SERVICE,
    write=ServiceWrite,
    read=read_model(
        domain.SERVICE, "A registered Service.", spec=ServiceSpec, status=ServiceStatus
    ),
    decode=decode_service,
    encode=encode_service,
    stored_only={"requestedIPs": "requested_ips"},
)
