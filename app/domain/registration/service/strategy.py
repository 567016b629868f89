"""Services: their admission with the ranges and allocations of the present write.

    draft, current, Work -> admitted Service, and the allocation cursors after it

Source: spec kubernetes-api 1.1 and 2.
"""

from dataclasses import replace

from app.domain.addresses import canonical, parse_prefix
from app.domain.errors import Violation
from app.domain.names import NamespacedName
from app.domain.objects.service import Service
from app.domain.objects.service_cidr import DEFAULT_NAME
from app.domain.registration.service.admission import (
    Context,
    admit_create,
    admit_status,
    admit_update,
    released,
)
from app.domain.registration.service.allocator import AddressRange, Pools
from app.domain.registration.service.defaults import with_service_defaults
from app.domain.registration.service.features import FEATURES_DEFAULT
from app.domain.registration.service.transitions import synchronised
from app.domain.registration.service.validation import create_violations, replace_violations
from app.domain.registration.slices import affected
from app.domain.registration.strategy import Strategy
from app.domain.snapshot import Snapshot
from app.domain.work import Work


def _admit(work: Work, current: Service | None, draft: Service) -> Service:
    """Default, allocate and validate; raises Invalid or Exhausted, and then holds nothing."""
    context = Context(pools=_pools_of(work))
    if current is None:
        result = admit_create(draft, context)
    else:
        result = admit_update(current, draft, context)
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


def _validate(draft: Service) -> tuple[Violation, ...]:
    return create_violations(draft, FEATURES_DEFAULT)


def _validate_update(current: Service, desired: Service) -> tuple[Violation, ...]:
    return replace_violations(current, desired, FEATURES_DEFAULT)


def _release(work: Work, gone: Service) -> None:
    """Release what a Service held; its addresses are not the next to be allocated."""
    work.cursors = released(gone, _pools_of(work)).cursors


def _reach(snapshot: Snapshot, key: NamespacedName) -> int:
    """Count the Pods of its namespace, from which its slices are planned."""
    return 1 + len(snapshot.members("Pod", key.namespace))


STRATEGY = Strategy(
    validate=_validate,
    validate_update=_validate_update,
    complete=_complete,
    admit=_admit,
    observe=_observe,
    is_created_by_put=True,
    is_returned_when_deleted=True,
    release=_release,
    affects=affected.by_service,
    reach=_reach,
)
