"""Allocation, sharing and release of a Service's node ports.

    draft, Pools -> draft with node ports, Pools after

A number belongs to one Service, for all protocols.  Creating and updating share
numbers by different rules on purpose: spec kubernetes-api 1.10, last part.
"""

from dataclasses import replace
from typing import NoReturn

from app.domain.errors import Invalid
from app.domain.objects.service import Service, ServicePort
from app.domain.registration.service.allocator import (
    Pools,
    Refused,
    choose_port,
    claim_port,
    release_ports,
)
from app.domain.violations import invalid


def allocate_ports(draft: Service, pools: Pools) -> tuple[Service, Pools]:
    """Allocate the node ports and the health-check port of a new Service.

    All protocols of one port number share a node port; any of them may name it.
    Raises Invalid when a named port is refused, Exhausted when none is free.
    """
    if draft.uses_node_ports:
        draft, pools = _shared_by_port(draft, pools)
    return _with_health_check_port(draft, pools)


def reallocate_ports(current: Service, draft: Service, pools: Pools) -> tuple[Service, Pools]:
    """Allocate the ports an update adds and release those it drops.

    The Service keeps what it holds; new numbers are allocated before old ones are released.
    """
    if draft.uses_node_ports:
        draft, pools = _shared_by_node_port(current, draft, pools)
    if not current.needs_health_check_port:
        draft, pools = _with_health_check_port(draft, pools)
    kept = _without_spare_health_check_port(draft).node_ports
    return draft, release_ports(pools, sorted({*current.node_ports}.difference(kept)))


def _shared_by_port(draft: Service, pools: Pools) -> tuple[Service, Pools]:
    numbers_by_port: dict[int, int] = {}
    ports: list[ServicePort] = []
    for index, port in enumerate(draft.ports):
        number = port.node_port
        shared = numbers_by_port.get(port.port)
        if not number and not draft.allocates_node_ports:
            pass  # no port is chosen, but a named one is claimed
        elif shared is None:
            number = next(
                (p.node_port for p in draft.ports if p.port == port.port and p.node_port), 0
            )
            number, pools = _chosen_or_claimed(draft, pools, index, number)
            numbers_by_port[port.port] = number
        elif not number:
            number = shared
        elif number != shared:
            number, pools = _chosen_or_claimed(draft, pools, index, number)
        ports.append(replace(port, node_port=number))
    return replace(draft, ports=tuple(ports)), pools


def _shared_by_node_port(current: Service, draft: Service, pools: Pools) -> tuple[Service, Pools]:
    own = {port.node_port for port in current.ports} if current.uses_node_ports else set[int]()
    own.discard(0)
    ports: list[ServicePort] = []
    for index, port in enumerate(draft.ports):
        number = port.node_port
        if number not in own and (number or draft.allocates_node_ports):
            number, pools = _chosen_or_claimed(draft, pools, index, number)
            own.add(number)
        ports.append(replace(port, node_port=number))
    return replace(draft, ports=tuple(ports)), pools


def _chosen_or_claimed(draft: Service, pools: Pools, index: int, number: int) -> tuple[int, Pools]:
    if not number:
        return choose_port(pools)
    claimed = claim_port(pools, number)
    if isinstance(claimed, Refused):
        _refuse(draft, f"spec.ports[{index}].nodePort", number, claimed.message)
    return number, claimed


def _with_health_check_port(draft: Service, pools: Pools) -> tuple[Service, Pools]:
    if not draft.needs_health_check_port:
        return draft, pools
    number = draft.health_check_node_port
    if not number:
        number, pools = choose_port(pools)
        return replace(draft, health_check_node_port=number), pools
    # Refuses the Service's own node ports as well: one number cannot serve both.
    claimed = claim_port(pools, number)
    if isinstance(claimed, Refused):
        _refuse(draft, "spec.healthCheckNodePort", number, claimed.message)
    return draft, claimed


def _without_spare_health_check_port(service: Service) -> Service:
    return (
        service if service.needs_health_check_port else replace(service, health_check_node_port=0)
    )


def _refuse(draft: Service, field: str, number: int, message: str) -> NoReturn:
    raise Invalid("Service", draft.metadata.name, (invalid(field, number, message),))
