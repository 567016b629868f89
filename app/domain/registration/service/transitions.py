"""Updates of a Service: fields carried over, fields dropped, and immutable fields.

    current, draft -> draft with allocated values carried over and linked fields in sync
    current, draft -> draft without the fields that its new type does not use
    current, desired -> violations

A manifest that is applied again lacks the allocated values, and must succeed.
Source: spec kubernetes-api 1.9 and 1.10.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from app.domain.errors import Violation
from app.domain.labels import key_problems
from app.domain.objects.service import (
    HEADLESS,
    Service,
    ServicePort,
    ServiceType,
)
from app.domain.violations import each_invalid, forbidden, invalid

_UNCHANGEABLE = "may not change once set"


def carried_over(current: Service, draft: Service) -> Service:
    """Fill in the allocated values that the client omitted."""
    if current.needs_cluster_ip and draft.needs_cluster_ip:
        draft = replace(
            draft,
            cluster_ip=draft.cluster_ip or current.cluster_ip,
            cluster_ips=draft.cluster_ips or current.cluster_ips,
        )
    if current.allocates_node_ports and draft.allocates_node_ports:
        draft = _with_node_ports_by_name(current, draft)
    if (
        current.needs_health_check_port
        and draft.needs_health_check_port
        and not draft.health_check_node_port
    ):
        draft = replace(draft, health_check_node_port=current.health_check_node_port)
    return draft


def synchronised(current: Service | None, draft: Service) -> Service:
    """Make ``clusterIP`` and ``clusterIPs`` agree where the client's intent is clear."""
    if current is None:
        if draft.cluster_ip and not draft.cluster_ips:
            return replace(draft, cluster_ips=(draft.cluster_ip,))
        return draft
    if draft.cluster_ip == current.cluster_ip:
        return replace(draft, cluster_ips=draft.cluster_ips or current.cluster_ips)
    if draft.cluster_ips == current.cluster_ips:
        return replace(draft, cluster_ips=(draft.cluster_ip,) if draft.cluster_ip else ())
    return draft


def without_leftovers(current: Service, draft: Service) -> Service:
    """Drop unchanged fields that only the old type needs."""
    draft = _without_addresses(current, draft)
    draft = _without_node_ports(current, draft)
    draft = _without_load_balancer_fields(current, draft)
    if (
        current.is_externally_accessible
        and not draft.is_externally_accessible
        and draft.external_traffic_policy == current.external_traffic_policy
    ):
        draft = replace(draft, external_traffic_policy="")
    return draft


def update_violations(current: Service, desired: Service) -> tuple[Violation, ...]:
    """List every forbidden change of allocated and immutable fields."""
    return (
        *_cluster_ip_violations(current, desired),
        *_family_violations(current, desired),
        *_class_violations(current, desired),
        *class_violations(desired),
        *_health_check_violations(current, desired),
    )


def class_violations(service: Service) -> tuple[Violation, ...]:
    """Refuse a load-balancer class on other types, or one that is not a qualified name."""
    field, name = "spec.loadBalancerClass", service.load_balancer_class
    if name is None:
        return ()
    if service.type != ServiceType.LOAD_BALANCER:
        return (forbidden(field, "may only be used when `type` is 'LoadBalancer'"),)
    return each_invalid(field, name, key_problems(name))


def _with_node_ports_by_name(current: Service, draft: Service) -> Service:
    stored = {port.name: port for port in current.ports}
    ports = tuple(
        replace(port, node_port=stored[port.name].node_port)
        if not port.node_port and _may_carry(port, stored, draft)
        else port
        for port in draft.ports
    )
    return replace(draft, ports=ports)


def _may_carry(port: ServicePort, stored: Mapping[str, ServicePort], draft: Service) -> bool:
    """Whether the port may keep the node port that is stored under its name.

    Other ports of the draft may have the number only if they shared it before:
    otherwise a manifest that names it for one protocol could not be applied twice.
    """
    number = stored[port.name].node_port if port.name in stored else 0
    rivals = [other for other in draft.ports if number and other.node_port == number]
    return number != 0 and all(
        other.protocol != port.protocol
        and other.name in stored
        and stored[other.name].node_port == number
        for other in rivals
    )


def _without_addresses(current: Service, draft: Service) -> Service:
    if not current.needs_cluster_ip or draft.needs_cluster_ip:
        return draft
    if (draft.cluster_ip, draft.cluster_ips) == (current.cluster_ip, current.cluster_ips):
        draft = replace(draft, cluster_ip="", cluster_ips=())
    if draft.ip_families == current.ip_families:
        draft = replace(draft, ip_families=())
    if draft.ip_family_policy == current.ip_family_policy:
        draft = replace(draft, ip_family_policy=None)
    return draft


def _without_node_ports(current: Service, draft: Service) -> Service:
    stored = {port.node_port for port in current.ports} | {0}
    if (
        current.uses_node_ports
        and not draft.uses_node_ports
        and all(port.node_port in stored for port in draft.ports)
    ):
        ports = tuple(replace(port, node_port=0) for port in draft.ports)
        draft = replace(draft, ports=ports)
    if (
        current.needs_health_check_port
        and not draft.needs_health_check_port
        and draft.health_check_node_port == current.health_check_node_port
    ):
        draft = replace(draft, health_check_node_port=0)
    return draft


def _without_load_balancer_fields(current: Service, draft: Service) -> Service:
    if draft.type == ServiceType.LOAD_BALANCER:
        return draft
    if current.type == ServiceType.LOAD_BALANCER:
        if draft.allocate_load_balancer_node_ports == current.allocate_load_balancer_node_ports:
            draft = replace(draft, allocate_load_balancer_node_ports=None)
        if draft.load_balancer_class == current.load_balancer_class:
            draft = replace(draft, load_balancer_class=None)
    return replace(draft, ingress=())


def _cluster_ip_violations(current: Service, desired: Service) -> Iterable[Violation]:
    if current.is_external_name or desired.is_external_name:
        return
    if current.is_headless and desired.is_headless:
        return
    before, after, field = current.cluster_ips, desired.cluster_ips, "spec.clusterIPs"
    if len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            if old != new:
                yield invalid(f"{field}[{index}]", after, _UNCHANGEABLE)
    else:
        yield from _resize_violations(f"{field}[0]", before, after)


def _family_violations(current: Service, desired: Service) -> Iterable[Violation]:
    if current.is_external_name or desired.is_external_name:
        return
    if HEADLESS in (current.cluster_ip, desired.cluster_ip):
        return
    before, after, field = current.ip_families, desired.ip_families, "spec.ipFamilies[0]"
    if len(before) == len(after):
        for old, new in zip(before, after, strict=True):
            if old != new:
                yield invalid(field, after, _UNCHANGEABLE)
    else:
        yield from _resize_violations(field, before, after)


def _resize_violations(
    field: str, before: tuple[str, ...], after: tuple[str, ...]
) -> Iterable[Violation]:
    if not after:
        yield invalid(field, after, "the primary one can not be unset")
    elif before and before[0] != after[0]:
        yield invalid(field, after, _UNCHANGEABLE)


def _class_violations(current: Service, desired: Service) -> Iterable[Violation]:
    is_balanced = current.type == desired.type == ServiceType.LOAD_BALANCER
    if is_balanced and current.load_balancer_class != desired.load_balancer_class:
        yield invalid("spec.loadBalancerClass", desired.load_balancer_class, _UNCHANGEABLE)


def _health_check_violations(current: Service, desired: Service) -> Iterable[Violation]:
    is_needed = current.needs_health_check_port and desired.needs_health_check_port
    if is_needed and current.health_check_node_port != desired.health_check_node_port:
        yield forbidden("spec.healthCheckNodePort", "field is immutable")
