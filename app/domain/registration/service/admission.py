"""Admission of a Service: defaults, allocation and validation.

    draft, context           -> admit_create -> Admitted, or refused
    current, draft, context  -> admit_update -> Admitted, or refused
    current, Pools           -> released     -> Pools without what it held

Defaults, then families, then addresses and node ports, then every other rule:
the order decides which refusals a client sees.  Identity, time and revision are
assigned by the caller.  Source: spec kubernetes-api 1.1.
"""

from dataclasses import dataclass, field, replace

from app.domain.errors import Exhausted, Invalid
from app.domain.objects.service import Service
from app.domain.registration.service.allocator import Pools, release_addresses, release_ports
from app.domain.registration.service.cluster_ips import (
    addresses_of,
    allocate_addresses,
    reallocate_addresses,
)
from app.domain.registration.service.defaults import with_ingress_defaults, with_service_defaults
from app.domain.registration.service.features import FEATURES_DEFAULT, Features
from app.domain.registration.service.ip_families import resolve_families
from app.domain.registration.service.node_ports import allocate_ports, reallocate_ports
from app.domain.registration.service.status_validation import status_violations
from app.domain.registration.service.transitions import (
    carried_over,
    synchronised,
    without_leftovers,
)
from app.domain.registration.service.validation import create_violations, replace_violations
from app.domain.registration.service.warnings import service_warnings


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Inputs of an admission besides the object."""

    pools: Pools
    features: Features = FEATURES_DEFAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A Service as it may be stored, and the pools once it is."""

    service: Service
    pools: Pools
    warnings: tuple[str, ...] = field(default=())


def admit_create(draft: Service, context: Context) -> Admitted:
    """Complete a new Service and allocate what it needs.

    Raises Invalid with every violation of the first stage that has any, and
    Exhausted when no address or node port is free.
    """
    pools, features = context.pools, context.features
    draft = synchronised(None, with_service_defaults(replace(draft, ingress=(), conditions=())))
    draft = resolve_families(None, draft, pools, features)
    try:
        draft, pools = allocate_addresses(draft, pools)
        draft, pools = allocate_ports(draft, pools)
    except Exhausted as error:
        raise error.about("Service", draft.metadata.name) from None
    if violations := create_violations(draft, features):
        raise Invalid("Service", draft.metadata.name, violations)
    return _admitted(draft, pools)


def admit_update(current: Service, draft: Service, context: Context) -> Admitted:
    """Complete a changed Service, allocate what it adds and release what it drops.

    The load-balancer status stays as it was.  Raises as ``admit_create`` does.
    """
    pools, features = context.pools, context.features
    status = {"ingress": current.ingress, "conditions": current.conditions}
    draft = with_service_defaults(replace(draft, **status))
    draft = synchronised(current, carried_over(current, draft))
    draft = resolve_families(current, draft, pools, features)
    try:
        draft, pools = reallocate_addresses(current, draft, pools)
        draft, pools = reallocate_ports(current, draft, pools)
    except Exhausted as error:
        raise error.about("Service", draft.metadata.name) from None
    draft = without_leftovers(current, draft)
    if violations := replace_violations(current, draft, features):
        raise Invalid("Service", draft.metadata.name, violations)
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
    if violations := status_violations(current, desired):
        raise Invalid("Service", current.metadata.name, violations)
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
