"""Allocation and release of a Service's cluster addresses.

    draft with resolved families, Pools -> draft with addresses, Pools after

Source: spec kubernetes-api 1.8, the last step, and 1.9.
"""

from dataclasses import replace
from typing import NoReturn

from app.domain.addresses import Address, IPFamily, parse_address
from app.domain.errors import Invalid
from app.domain.objects.service import HEADLESS, Service
from app.domain.registration.service.allocator import (
    Pools,
    Refused,
    choose_address,
    claim_address,
    has_ready_range,
    release_addresses,
)
from app.domain.registration.service.ip_families import is_settled
from app.domain.violations import invalid


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


def _with_second(draft: Service, pools: Pools) -> tuple[Service, Pools]:
    wanted = draft.cluster_ips[1] if len(draft.cluster_ips) > 1 else ""
    text, pools = _allocated(draft, pools, IPFamily(draft.ip_families[1]), wanted)
    return replace(draft, cluster_ips=(*draft.cluster_ips[:1], text)), pools


def _allocated(draft: Service, pools: Pools, family: IPFamily, wanted: str) -> tuple[str, Pools]:
    if not has_ready_range(pools, family):
        _refuse(draft, f"no {family} range is ready")
    if not wanted:
        address, pools = choose_address(pools, family)
        return str(address), pools
    named = parse_address(wanted)
    assert named is not None, "malformed addresses are refused before"
    claimed = claim_address(pools, named)
    if isinstance(claimed, Refused):
        _refuse(draft, f"failed to allocate IP {wanted}: {claimed.message}")
    return wanted, claimed


def _refuse(draft: Service, detail: str) -> NoReturn:
    cause = invalid("spec.clusterIPs", draft.cluster_ips, detail)
    raise Invalid("Service", draft.metadata.name, (cause,))
