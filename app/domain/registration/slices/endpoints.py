"""A Pod as seen from one Service: an endpoint of each family, on certain ports.

    Service, Pod, zone -> Endpoint | nothing
    Service, Pod       -> the ports it answers on, sorted

Which slice an endpoint goes into is not known here.  Source: spec
kubernetes-api 3.2 to 3.4; contract.md for the weight and for Pods without a
known Node, which are endpoints all the same.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from app.domain.addresses import IPFamily
from app.domain.objects.endpoint_slice import Endpoint, EndpointConditions, EndpointPort
from app.domain.objects.meta import ObjectReference
from app.domain.objects.pod import WEIGHT_DEFAULT, Pod
from app.domain.objects.service import Service, ServicePort


class EndpointIdentity(NamedTuple):
    """What stays the same while readiness, zone and node of an endpoint change."""

    addresses: tuple[str, ...]
    hostname: str
    namespace: str
    pod: str


def identity_of(endpoint: Endpoint) -> EndpointIdentity:
    """Tell two endpoints apart: by addresses, hostname and the Pod referred to (spec 3.6)."""
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
    """List the families a Service has slices of; one that says none is IPv4."""
    families = tuple(IPFamily(family) for family in dict.fromkeys(service.ip_families))
    return families or (IPFamily.IPV4,)


def endpoint_of(service: Service, pod: Pod, family: IPFamily, *, zone: str) -> Endpoint | None:
    """Make the endpoint that a selected Pod is in one family; None when it is none."""
    if pod.is_finished:
        return None
    addresses = pod.addresses_of(family)
    if not addresses:
        return None
    metadata = pod.metadata
    belongs = bool(pod.hostname) and pod.subdomain == service.metadata.name
    return Endpoint(
        addresses=addresses,
        conditions=_conditions(
            pod.is_ready, metadata.is_terminating, service.publish_not_ready_addresses
        ),
        hostname=pod.hostname if belongs else "",
        node_name=pod.node_name,
        zone=zone,
        target_ref=ObjectReference(
            kind="Pod", namespace=metadata.namespace, name=metadata.name, uid=metadata.uid
        ),
        weight=None if pod.weight == WEIGHT_DEFAULT else pod.weight,
    )


@lru_cache(maxsize=8)
def _conditions(
    serving: bool,  # noqa: FBT001  positional, so that the cache sees one key
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
    """List the ports of a Service that a Pod has; one named but not declared is left out."""
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
    """Give the number a Service port leads to on a Pod; None when the Pod lacks the name."""
    if isinstance(port.target_port, str) and port.target_port:
        return pod.port_named(port.target_port, port.protocol)
    return int(port.target_port or port.port)


def sorted_ports(ports: Iterable[EndpointPort]) -> tuple[EndpointPort, ...]:
    """Order ports by name, protocol and number, so that equal sets are equal."""
    return tuple(sorted(ports, key=port_order))


def port_order(port: EndpointPort) -> tuple[str, str, int, str]:
    """Give the key that ports are sorted by; a port that means any comes first."""
    return (port.name, port.protocol, port.port or 0, port.app_protocol or "")
