"""Static defaults of a Service.

    draft -> draft with every static default

Families and addresses are not static: they depend on the ranges and on the stored
objects.  Source: spec kubernetes-api 1.3.
"""

from app.domain.copies import replace
from app.domain.objects.service import (
    AFFINITY_TIMEOUT_S_DEFAULT,
    LoadBalancerIngress,
    Protocol,
    Service,
    ServicePort,
    ServiceType,
    SessionAffinity,
    TrafficPolicy,
)

IP_MODE_DEFAULT = "VIP"


def with_service_defaults(draft: Service) -> Service:
    """Fill in a Service's static defaults; idempotent."""
    affinity = draft.session_affinity or SessionAffinity.NONE
    draft = replace(
        draft,
        type=draft.type or ServiceType.CLUSTER_IP,
        selector=draft.selector or None,
        session_affinity=affinity,
        affinity_timeout_s=_affinity_timeout_s(affinity, draft.affinity_timeout_s),
        ports=tuple(_with_port_defaults(port) for port in draft.ports),
    )
    if draft.is_externally_accessible and not draft.external_traffic_policy:
        draft = replace(draft, external_traffic_policy=TrafficPolicy.CLUSTER)
    if draft.needs_cluster_ip and draft.internal_traffic_policy is None:
        draft = replace(draft, internal_traffic_policy=TrafficPolicy.CLUSTER)
    if draft.is_load_balancer and draft.allocate_load_balancer_node_ports is None:
        draft = replace(draft, allocate_load_balancer_node_ports=True)
    return draft


def with_ingress_defaults(
    ingress: tuple[LoadBalancerIngress, ...],
) -> tuple[LoadBalancerIngress, ...]:
    """Fill in the default ``ipMode`` of addresses that a load balancer reports."""
    return tuple(
        replace(entry, ip_mode=IP_MODE_DEFAULT) if entry.ip and entry.ip_mode is None else entry
        for entry in ingress
    )


def _with_port_defaults(port: ServicePort) -> ServicePort:
    return replace(
        port,
        protocol=port.protocol or Protocol.TCP,
        target_port=port.target_port if port.target_port not in (0, "") else port.port,
    )


def _affinity_timeout_s(affinity: str, timeout_s: int | None) -> int | None:
    match affinity:
        case SessionAffinity.NONE:
            return None
        case SessionAffinity.CLIENT_IP if timeout_s is None:
            return AFFINITY_TIMEOUT_S_DEFAULT
        case _:
            return timeout_s
