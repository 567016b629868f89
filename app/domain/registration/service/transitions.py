"""Updates of a Service: fields carried over, fields dropped, and immutable fields.

    current, draft -> draft with allocated values carried over and linked fields in sync
    current, draft -> draft without the fields that its new type does not use
    current, desired -> violations

A manifest that is applied again lacks the allocated values, and must succeed.
Source: spec kubernetes-api 1.9 and 1.10.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from app.domain.copies import replace
from app.domain.errors import Violation
from app.domain.labels import key_problems
from app.domain.objects.meta import ObjectMeta
from app.domain.objects.service import (
    Service,
    ServicePort,
)
from app.domain.violations import each_invalid, forbidden, invalid

_UNCHANGEABLE = "may not change once set"
_ABSENT: Final = Service(metadata=ObjectMeta())  # every field as it is when it is not given
_LEFTOVERS: Final = (
    ("needs_cluster_ip", ("cluster_ip", "cluster_ips")),
    ("needs_cluster_ip", ("ip_families",)),
    ("needs_cluster_ip", ("ip_family_policy",)),
    ("needs_health_check_port", ("health_check_node_port",)),
    ("is_load_balancer", ("allocate_load_balancer_node_ports",)),
    ("is_load_balancer", ("load_balancer_class",)),
    ("is_externally_accessible", ("external_traffic_policy",)),
)
"""Fields that are of no use any more, where unchanged, to a Service that ceases to be such."""


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
    draft = _without_node_ports(current, draft)
    if not draft.is_load_balancer:
        draft = replace(draft, ingress=())
    for need, names in _LEFTOVERS:
        if getattr(current, need) and not getattr(draft, need):
            draft = _without_unchanged(names, current, draft)
    return draft


def update_violations(current: Service, desired: Service) -> Iterable[Violation]:
    """List every forbidden change of allocated and immutable fields."""
    if not (current.is_external_name or desired.is_external_name):
        yield from _cluster_ip_violations(current, desired)
        yield from _family_violations(current, desired)
    yield from _class_violations(current, desired)
    yield from class_violations(desired)
    yield from _health_check_violations(current, desired)


def class_violations(service: Service) -> tuple[Violation, ...]:
    """Refuse a load-balancer class on other types, or one that is not a qualified name."""
    field, name = "spec.loadBalancerClass", service.load_balancer_class
    if name is None:
        return ()
    if not service.is_load_balancer:
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


def _without_node_ports(current: Service, draft: Service) -> Service:
    stored = {port.node_port for port in current.ports} | {0}
    is_unchanged = all(port.node_port in stored for port in draft.ports)
    if current.uses_node_ports and not draft.uses_node_ports and is_unchanged:
        ports = tuple(replace(port, node_port=0) for port in draft.ports)
        draft = replace(draft, ports=ports)
    return draft


def _without_unchanged(names: tuple[str, ...], current: Service, draft: Service) -> Service:
    if any(getattr(draft, name) != getattr(current, name) for name in names):
        return draft
    return replace(draft, **{name: getattr(_ABSENT, name) for name in names})


def _cluster_ip_violations(current: Service, desired: Service) -> Iterable[Violation]:
    before, after, field = current.cluster_ips, desired.cluster_ips, "spec.clusterIPs"
    if current.is_headless and desired.is_headless:
        return
    for index in _changed(before, after):
        yield invalid(f"{field}[{index}]", after, _UNCHANGEABLE)
    yield from _resize_violations(f"{field}[0]", before, after)


def _family_violations(current: Service, desired: Service) -> Iterable[Violation]:
    before, after, field = current.ip_families, desired.ip_families, "spec.ipFamilies[0]"
    if current.is_headless or desired.is_headless:
        return
    for _ in _changed(before, after):
        yield invalid(field, after, _UNCHANGEABLE)
    yield from _resize_violations(field, before, after)


def _changed(before: tuple[str, ...], after: tuple[str, ...]) -> Iterable[int]:
    """List where two lists of the same length differ."""
    if len(before) != len(after):
        return ()
    return [at for at, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]


def _resize_violations(
    field: str, before: tuple[str, ...], after: tuple[str, ...]
) -> Iterable[Violation]:
    if len(before) == len(after):
        return
    if not after:
        yield invalid(field, after, "the primary one can not be unset")
    elif before and before[0] != after[0]:
        yield invalid(field, after, _UNCHANGEABLE)


def _class_violations(current: Service, desired: Service) -> Iterable[Violation]:
    is_balanced = current.is_load_balancer and desired.is_load_balancer
    if is_balanced and current.load_balancer_class != desired.load_balancer_class:
        yield invalid("spec.loadBalancerClass", desired.load_balancer_class, _UNCHANGEABLE)


def _health_check_violations(current: Service, desired: Service) -> Iterable[Violation]:
    is_needed = current.needs_health_check_port and desired.needs_health_check_port
    if is_needed and current.health_check_node_port != desired.health_check_node_port:
        yield forbidden("spec.healthCheckNodePort", "field is immutable")
