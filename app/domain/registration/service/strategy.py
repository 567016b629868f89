"""Services: defaults, allocation and validation, with the ranges and allocations of the write.

    draft, Pools           -> admit_create -> Admitted, or refused
    current, draft, Pools  -> admit_update -> Admitted, or refused
    current, Pools         -> released     -> Pools without what it held

Defaults, then families, then addresses and node ports, then every other rule:
the order decides which refusals a client sees.  Identity, time and revision are
assigned by the caller.  Source: spec kubernetes-api 1.1 and 2.
"""

from dataclasses import dataclass, field

from app.domain.addresses import canonical, parse_prefix
from app.domain.copies import replace
from app.domain.errors import Exhausted
from app.domain.names import NamespacedName, label_problems
from app.domain.objects.service import Service
from app.domain.objects.service_cidr import DEFAULT_NAME
from app.domain.registration.service.allocation import (
    addresses_of,
    allocate_addresses,
    allocate_ports,
    reallocate_addresses,
    reallocate_ports,
)
from app.domain.registration.service.allocator import (
    AddressRange,
    Pools,
    release_addresses,
    release_ports,
)
from app.domain.registration.service.defaults import with_ingress_defaults, with_service_defaults
from app.domain.registration.service.ip_families import resolve_families
from app.domain.registration.service.transitions import (
    carried_over,
    synchronised,
    without_leftovers,
)
from app.domain.registration.service.validation import (
    service_violations,
    service_warnings,
    status_violations,
)
from app.domain.registration.slices import affected
from app.domain.registration.strategy import Strategy, require_valid
from app.domain.snapshot import Snapshot
from app.domain.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A Service as it may be stored, and the pools once it is."""

    service: Service
    pools: Pools
    warnings: tuple[str, ...] = field(default=())


def admit_create(draft: Service, pools: Pools) -> Admitted:
    """Complete a new Service and allocate what it needs.

    Raises Invalid with every violation of the first stage that has any, and
    Exhausted when no address or node port is free.
    """
    draft = synchronised(None, with_service_defaults(replace(draft, ingress=(), conditions=())))
    draft = resolve_families(None, draft, pools)
    try:
        draft, pools = allocate_addresses(draft, pools)
        draft, pools = allocate_ports(draft, pools)
    except Exhausted as error:
        raise error.about("Service", draft.metadata.name) from None
    require_valid(draft, STRATEGY.violations(None, draft))
    return _admitted(draft, pools)


def admit_update(current: Service, draft: Service, pools: Pools) -> Admitted:
    """Complete a changed Service, allocate what it adds and release what it drops.

    The load-balancer status stays as it was.  Raises as ``admit_create`` does.
    """
    status = {"ingress": current.ingress, "conditions": current.conditions}
    draft = with_service_defaults(replace(draft, **status))
    draft = synchronised(current, carried_over(current, draft))
    draft = resolve_families(current, draft, pools)
    try:
        draft, pools = reallocate_addresses(current, draft, pools)
        draft, pools = reallocate_ports(current, draft, pools)
    except Exhausted as error:
        raise error.about("Service", draft.metadata.name) from None
    draft = without_leftovers(current, draft)
    require_valid(draft, STRATEGY.violations(current, draft))
    return _admitted(draft, pools)


def admit_status(current: Service, draft: Service) -> Service:
    """Set the status that a load balancer reports; everything else stays as it was.

    Raises Invalid with every violation.
    """
    desired = replace(
        current,
        ingress=with_ingress_defaults(draft.ingress),
        conditions=draft.conditions,
    )
    require_valid(current, status_violations(current, desired))
    return desired


def released(current: Service, pools: Pools) -> Pools:
    """Release everything that a removed Service held."""
    pools = release_addresses(pools, addresses_of(current))
    return release_ports(pools, current.node_ports)


def _admitted(service: Service, pools: Pools) -> Admitted:
    if service.is_external_name:
        # Validated, and then dropped: no answer has it (spec 1.11).
        service = replace(service, internal_traffic_policy=None)
    return Admitted(service=service, pools=pools, warnings=service_warnings(service))


def _admit(work: Work, current: Service | None, draft: Service) -> Service:
    """Default, allocate and validate; raises Invalid or Exhausted, and then holds nothing."""
    pools = _pools_of(work)
    result = admit_create(draft, pools) if current is None else admit_update(current, draft, pools)
    work.cursors = result.pools.cursors
    work.warnings.extend(result.warnings)
    return replace(result.service, requested_ips=_requested(current, draft, result.service))


def _requested(current: Service | None, draft: Service, stored: Service) -> tuple[str, ...]:
    """List the addresses a client requested, as opposed to allocated ones that it sent back."""
    held = () if current is None else current.addresses
    known = () if current is None else current.requested_ips
    named = {canonical(text) for text in (draft.cluster_ip, *draft.cluster_ips)} - set(held)
    return tuple(address for address in stored.addresses if address in named or address in known)


def _observe(current: Service, draft: Service) -> Service:
    """Set what a load balancer reports, with the draft's metadata; raises Invalid."""
    return replace(admit_status(current, draft), metadata=draft.metadata)


def _pools_of(work: Work) -> Pools:
    """Gather what may be allocated and what is held."""
    return Pools(
        ranges=ranges_of(work.snapshot),
        held_addresses=work.snapshot.held_addresses,
        node_ports=work.policy.node_ports,
        held_ports=work.snapshot.held_ports,
        cursors=work.cursors,
    )


def ranges_of(snapshot: Snapshot) -> tuple[AddressRange, ...]:
    """List the ranges: those of the default ServiceCIDR first, the others by name."""
    cidrs = sorted(
        snapshot.service_cidrs.values(),
        key=lambda cidr: (cidr.metadata.name != DEFAULT_NAME, cidr.metadata.name),
    )
    return tuple(
        AddressRange(prefix, is_ready=cidr.is_ready)
        for cidr in cidrs
        for text in cidr.cidrs
        if (prefix := parse_prefix(text)) is not None
    )


def _complete(draft: Service) -> Service:
    """Fill in the static defaults, and the linked address fields from each other."""
    if draft.cluster_ips and not draft.cluster_ip:
        draft = replace(draft, cluster_ip=draft.cluster_ips[0])
    return synchronised(None, with_service_defaults(draft))


def _release(work: Work, gone: Service) -> None:
    """Release what a Service held; its addresses are not the next to be allocated."""
    work.cursors = released(gone, _pools_of(work)).cursors


def _reach(snapshot: Snapshot, key: NamespacedName, desired: Service | None) -> int:
    """Count the Pods from which its slices are planned, and were: of an unknown one, all."""
    if desired is None:
        return 1 + len(snapshot.members("Pod", key.namespace))
    known = snapshot.services.get(key)
    services = (desired,) if known is None else (desired, known)
    return 1 + sum(len(snapshot.candidates_of(each)) for each in services)


STRATEGY: Strategy[Service] = Strategy(
    rules=service_violations,
    name_rule=label_problems,
    complete=_complete,
    admit=_admit,
    observe=_observe,
    is_created_by_put=True,
    is_returned_when_deleted=True,
    release=_release,
    affects=affected.by_service,
    reach=_reach,
)
