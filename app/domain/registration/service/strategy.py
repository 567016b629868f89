"""Services: what a manifest becomes, with the ranges and holders of this very moment.

    draft, current, Work -> admitted Service, and where allocation went on

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
    """Default, allocate and validate; raises Invalid or Exhausted, and nothing is held then."""
    context = Context(pools=_pools_of(work))
    if current is None:
        result = admit_create(draft, context)
    else:
        result = admit_update(current, draft, context)
    work.cursors = result.pools.cursors
    work.warnings.extend(result.warnings)
    return replace(result.service, requested_ips=_requested(current, draft, result.service))


def _requested(current: Service | None, draft: Service, stored: Service) -> tuple[str, ...]:
    """Name the addresses that a client asked for by themselves, not as an echo of ours."""
    held = () if current is None else current.addresses
    known = () if current is None else current.requested_ips
    named = {canonical(text) for text in (draft.cluster_ip, *draft.cluster_ips)} - set(held)
    return tuple(address for address in stored.addresses if address in named or address in known)


def _observe(current: Service, draft: Service) -> Service:
    """Take over what a load balancer reports; the metadata are the draft's.  Raises Invalid."""
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
    """List the ranges, those of the default object first, the others by name."""
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
    """Fill in what is static, and the address that a change need not repeat."""
    if draft.cluster_ips and not draft.cluster_ip:
        draft = replace(draft, cluster_ip=draft.cluster_ips[0])
    return synchronised(None, with_service_defaults(draft))


def _validate(draft: Service) -> tuple[Violation, ...]:
    return create_violations(draft, FEATURES_DEFAULT)


def _validate_update(current: Service, desired: Service) -> tuple[Violation, ...]:
    return replace_violations(current, desired, FEATURES_DEFAULT)


def _release(work: Work, gone: Service) -> None:
    """Give back what it held; its addresses are not the next to be handed out."""
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
