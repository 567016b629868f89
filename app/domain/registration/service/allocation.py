"""Allocation, sharing and release of a Service's cluster addresses and node ports.

    draft with resolved families, Pools -> draft with addresses, Pools after
    draft, Pools                        -> draft with node ports, Pools after

A node port belongs to one Service, for all protocols.  Creating and updating share
numbers by different rules on purpose.  Source: spec kubernetes-api 1.8 to 1.10.
"""

from typing import NoReturn

from app.domain.addresses import Address, IPFamily, parse_address
from app.domain.copies import replace
from app.domain.errors import Invalid
from app.domain.objects.service import HEADLESS, Service, ServicePort
from app.domain.registration.service.allocator import (
    Pools,
    Refused,
    choose_address,
    choose_port,
    claim_address,
    claim_port,
    has_ready_range,
    release_addresses,
    release_ports,
)
from app.domain.registration.service.ip_families import is_settled
from app.domain.violations import invalid

_ADDRESSES = "spec.clusterIPs"


def allocate_addresses(draft: Service, pools: Pools) -> tuple[Service, Pools]:
    """Allocate an address of every family: the requested one, or a free one.

    Raises Invalid when a requested address is refused, Exhausted when none is free.
    """
    if draft.is_external_name or draft.cluster_ip == HEADLESS:
        return draft, pools
    addresses: list[str] = []
    for index, family in enumerate(draft.ip_families):
        wanted = draft.cluster_ips[index] if index < len(draft.cluster_ips) else ""
        text, pools = _allocated(draft, pools, IPFamily(family), wanted)
        addresses.append(text)
    return replace(draft, cluster_ip=addresses[0], cluster_ips=tuple(addresses)), pools


def reallocate_addresses(current: Service, draft: Service, pools: Pools) -> tuple[Service, Pools]:
    """Allocate what an update adds and release what it drops; the rest stays untouched."""
    if current.is_external_name:
        return allocate_addresses(draft, pools)
    if current.is_headless or is_settled(current, draft):
        return draft, pools
    if draft.is_external_name:
        return draft, release_addresses(pools, addresses_of(current))
    before, after = len(current.ip_families), len(draft.ip_families)
    if (before, after) == (1, 2) and not draft.is_headless:
        return _with_second(draft, pools)
    if (before, after) == (2, 1):
        return draft, release_addresses(pools, addresses_of(current)[1:])
    return draft, pools


def addresses_of(service: Service) -> tuple[Address, ...]:
    """List the addresses that a Service holds."""
    parsed = (parse_address(text) for text in service.addresses)
    return tuple(address for address in parsed if address is not None)


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


def _with_second(draft: Service, pools: Pools) -> tuple[Service, Pools]:
    wanted = draft.cluster_ips[1] if len(draft.cluster_ips) > 1 else ""
    text, pools = _allocated(draft, pools, IPFamily(draft.ip_families[1]), wanted)
    return replace(draft, cluster_ips=(*draft.cluster_ips[:1], text)), pools


def _allocated(draft: Service, pools: Pools, family: IPFamily, wanted: str) -> tuple[str, Pools]:
    if not has_ready_range(pools, family):
        _refuse(draft, _ADDRESSES, draft.cluster_ips, f"no {family} range is ready")
    if not wanted:
        address, pools = choose_address(pools, family)
        return str(address), pools
    named = parse_address(wanted)
    assert named is not None, "malformed addresses are refused before"
    claimed = claim_address(pools, named)
    if isinstance(claimed, Refused):
        detail = f"failed to allocate IP {wanted}: {claimed.message}"
        _refuse(draft, _ADDRESSES, draft.cluster_ips, detail)
    return wanted, claimed


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


def _refuse(draft: Service, field: str, value: object, message: str) -> NoReturn:
    raise Invalid("Service", draft.metadata.name, (invalid(field, value, message),))
