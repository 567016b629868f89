"""The allocations that a Service needs, by its type and policies.

    Service -> yes or no

Source: spec kubernetes-api 1.10.
"""

from app.domain.objects.service import Service, ServiceType, TrafficPolicy

_PROXIED = frozenset({ServiceType.CLUSTER_IP, ServiceType.NODE_PORT, ServiceType.LOAD_BALANCER})
_ON_NODES = frozenset({ServiceType.NODE_PORT, ServiceType.LOAD_BALANCER})


def needs_cluster_ip(service: Service) -> bool:
    """Whether the type has cluster addresses, ``None`` counting as one."""
    return service.type in _PROXIED


def uses_node_ports(service: Service) -> bool:
    """Whether node ports may be set and are reserved."""
    return service.type in _ON_NODES


def allocates_node_ports(service: Service) -> bool:
    """Whether a port without a node port is given one."""
    return service.type == ServiceType.NODE_PORT or (
        service.type == ServiceType.LOAD_BALANCER
        and service.allocate_load_balancer_node_ports is not False
    )


def needs_health_check_port(service: Service) -> bool:
    """Whether load balancers check on each node if it has ready endpoints."""
    return (
        service.type == ServiceType.LOAD_BALANCER
        and service.external_traffic_policy == TrafficPolicy.LOCAL
    )


def is_externally_accessible(service: Service) -> bool:
    """Whether traffic from outside the cluster can reach the Service."""
    return uses_node_ports(service) or (
        service.type == ServiceType.CLUSTER_IP and bool(service.external_ips)
    )
