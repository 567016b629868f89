"""A Pod as endpoints of one Service: one per family, with the Service's ports on it.

    Service, Pod, zone -> Endpoint | None
    Service, Pod       -> the ports of the Service on the Pod, sorted

The slice of an endpoint is not known here.  Source: spec
kubernetes-api 3.2 to 3.4; contract.md for the weight and for Pods without a
known Node, which are endpoints all the same.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from app.domain.addresses import IPFamily
from app.domain.names import NamespacedName
from app.domain.objects.endpoint_slice import Endpoint, EndpointConditions, EndpointPort
from app.domain.objects.meta import ObjectReference
from app.domain.objects.node import Node
from app.domain.objects.pod import WEIGHT_DEFAULT, Pod
from app.domain.objects.service import Service, ServicePort


class EndpointIdentity(NamedTuple):
    """The fields of an endpoint that do not change with readiness, zone and node."""

    addresses: tuple[str, ...]
    hostname: str
    namespace: str
    pod: str


def identity_of(endpoint: Endpoint) -> EndpointIdentity:
    """Identify an endpoint by addresses, hostname and the Pod it refers to (spec 3.6)."""
    reference = endpoint.target_ref
    if reference is None:
        return EndpointIdentity(endpoint.addresses, endpoint.hostname, "", "")
    return EndpointIdentity(
        endpoint.addresses, endpoint.hostname, reference.namespace, reference.name
    )


def has_computed_endpoints(service: Service) -> bool:
    """Whether the slices of a Service are made from its selector (spec 3.1)."""
    return service.has_selector and not service.is_external_name


def families_of(service: Service) -> tuple[IPFamily, ...]:
    """List the families a Service has slices of; IPv4 if it has no families."""
    families = tuple(IPFamily(family) for family in dict.fromkeys(service.ip_families))
    return families or (IPFamily.IPV4,)


def zone_of(pod: Pod, nodes: Mapping[NamespacedName, Node]) -> str:
    """Give the zone of a Pod's Node; empty when the Node is unknown."""
    node = nodes.get(NamespacedName("", pod.node_name)) if pod.node_name else None
    return "" if node is None else node.zone


def endpoint_of(service: Service, pod: Pod, family: IPFamily, *, zone: str) -> Endpoint | None:
    """Make the endpoint of a selected Pod in one family; None when it has none."""
    if pod.is_finished:
        return None
    addresses = pod.addresses_of(family)
    if not addresses:
        return None
    metadata = pod.metadata
    has_name = bool(pod.hostname) and pod.subdomain == service.metadata.name
    return Endpoint(
        addresses=addresses,
        conditions=_conditions(
            pod.is_ready, metadata.is_terminating, service.publish_not_ready_addresses
        ),
        hostname=pod.hostname if has_name else "",
        node_name=pod.node_name,
        zone=zone,
        target_ref=ObjectReference(
            kind="Pod", namespace=metadata.namespace, name=metadata.name, uid=metadata.uid
        ),
        weight=None if pod.weight == WEIGHT_DEFAULT else pod.weight,
    )


@lru_cache(maxsize=8)
def _conditions(
    serving: bool,  # noqa: FBT001  positional, so that equal arguments have equal cache keys
    terminating: bool,  # noqa: FBT001
    published: bool,  # noqa: FBT001
) -> EndpointConditions:
    # Spec 3.3: ready is serving and not terminating, or published regardless.
    return EndpointConditions(
        ready=published or (serving and not terminating),
        serving=serving,
        terminating=terminating,
    )


def has_named_ports(service: Service) -> bool:
    """Whether the ports of an endpoint may differ from Pod to Pod."""
    return any(isinstance(port.target_port, str) and port.target_port for port in service.ports)


def ports_on(service: Service, pod: Pod) -> tuple[EndpointPort, ...]:
    """List the ports of a Service on a Pod, without those whose name the Pod does not declare."""
    found = (
        EndpointPort(
            port=number,
            name=port.name,
            protocol=port.protocol,
            app_protocol=port.app_protocol,
        )
        for port in service.ports
        if (number := target_port_on(pod, port)) is not None
    )
    return sorted_ports(found)


def target_port_on(pod: Pod, port: ServicePort) -> int | None:
    """Resolve the target port of a Service on a Pod; None when the Pod lacks the name."""
    if isinstance(port.target_port, str) and port.target_port:
        return pod.port_named(port.target_port, port.protocol)
    return int(port.target_port or port.port)


def sorted_ports(ports: Iterable[EndpointPort]) -> tuple[EndpointPort, ...]:
    """Sort ports by name, protocol and number, so that equal sets compare equal."""
    return tuple(sorted(ports, key=port_order))


def port_order(port: EndpointPort) -> tuple[str, str, int, str]:
    """Give the sort key of a port; a port without a number, which means any, comes first."""
    return (port.name, port.protocol, port.port or 0, port.app_protocol or "")
