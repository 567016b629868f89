"""Endpoints as slices: what they must hold, and the fewest writes that get there.

    Endpoints, Service            -> why it is not mirrored, or nothing
    Endpoints                     -> Mirrored     (endpoints by family and ports)
    existing slices, Mirrored     -> SlicePlan    (create, update, delete)

Addresses that listen on the same ports share a slice, one a family, whatever subsets they
are listed in; an address that is listed as ready and as not ready is not.  Slices that are
not mirrored are never touched.

Source: KEP-752; spec kubernetes-api 3.8.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from app.domain.addresses import canonical, family_of_text
from app.domain.names import label_problems
from app.domain.objects.endpoint_slice import (
    MANAGED_BY_LABEL,
    MIRRORED_BY,
    SERVICE_NAME_LABEL,
    TRIGGER_TIME_ANNOTATION,
    Endpoint,
    EndpointConditions,
    EndpointPort,
    EndpointSlice,
)
from app.domain.objects.endpoints import EndpointAddress, Endpoints
from app.domain.objects.meta import ObjectMeta
from app.domain.objects.service import Service
from app.domain.registration.slices.endpoints import identity_of, sorted_ports
from app.domain.registration.slices.metadata import SliceNames, new_names, triggered
from app.domain.registration.slices.packing import Group, group_of
from app.domain.registration.slices.planning import SlicePlan

ADDRESSES_MAX = 1_000  # of one set of ports that are mirrored
SKIP_LABEL = "endpointslice.kubernetes.io/skip-mirror"
LEADER_ANNOTATION = "control-plane.alpha.kubernetes.io/leader"
LAST_APPLIED_ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"

_NOT_COPIED = frozenset({TRIGGER_TIME_ANNOTATION, LAST_APPLIED_ANNOTATION})
_READY, _NOT_READY = EndpointConditions(ready=True), EndpointConditions(ready=False)


class _Place(NamedTuple):
    """What tells one listed address from another: two Pods may have one address."""

    ip: str
    uid: str


_Listed = dict[_Place, bool]
"""Addresses, and whether each is ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirrored:
    """What the slices of an Endpoints object must hold together.

    ``skipped`` counts the addresses beyond what is mirrored of one set of ports.
    """

    metadata: ObjectMeta
    endpoints: Mapping[Group, tuple[Endpoint, ...]]
    skipped: int = 0


def why_not_mirrored(endpoints: Endpoints, service: Service | None) -> str:
    """Say why an Endpoints object leads to no slices; empty when it does."""
    meta = endpoints.metadata
    if meta.labels.get(SKIP_LABEL) == "true":
        return f"it is labelled {SKIP_LABEL}=true"
    if LEADER_ANNOTATION in meta.annotations:
        return "it is a lock of a leader election"
    if label_problems(meta.name):
        return "no Service can bear its name"
    if service is not None and service.has_selector:
        return f"the Service {meta.key} has a selector: its endpoints are the Pods it selects"
    return ""


def mirrored(endpoints: Endpoints, *, addresses_max: int = ADDRESSES_MAX) -> Mirrored:
    """Work out what is behind which ports, in each family."""
    known: dict[_Place, EndpointAddress] = {}
    found: dict[Group, tuple[Endpoint, ...]] = {}
    skipped = 0
    for ports, listed in _regrouped(_listed_by_port(endpoints, known)):
        # Ready ones first: they are what is missed least when there are too many.
        places = sorted(listed, key=lambda place: (not listed[place], place))
        skipped += max(0, len(places) - addresses_max)
        for family, behind in _by_family(places[:addresses_max], listed, known).items():
            for alike in _without_twins(ports):
                found[Group(family, alike)] = behind
    return Mirrored(metadata=endpoints.metadata, endpoints=found, skipped=skipped)


def plan_mirrored(
    existing: Iterable[EndpointSlice],
    desired: Mirrored,
    *,
    names: SliceNames,
    triggered_at: datetime | None = None,
) -> SlicePlan:
    """Find the fewest writes after which the mirrored slices hold what is desired."""
    every = tuple(existing)
    kept, spare = _matched(every, desired)
    taken = {slice_.metadata.name for slice_ in every}
    key = desired.metadata.key
    fresh = (name for name in new_names(key, names) if name not in taken)
    create: list[EndpointSlice] = []
    update: list[EndpointSlice] = []
    for group in sorted(desired.endpoints, key=lambda group: group.order):
        current = kept.get(group) or _reused(group, spare)
        if current is None:
            meta = ObjectMeta(
                name=next(fresh), namespace=key.namespace, generate_name=f"{key.name}-"
            )
            blank = EndpointSlice(metadata=meta, address_type=group.address_type)
            create.append(_filled(blank, group, desired, triggered_at))
        elif not _is_right(current, group, desired):
            update.append(_filled(current, group, desired, triggered_at))
    return SlicePlan(create=tuple(create), update=tuple(update), delete=tuple(spare))


def _listed_by_port(
    endpoints: Endpoints, known: dict[_Place, EndpointAddress]
) -> dict[EndpointPort | None, _Listed]:
    """List the addresses of each port; those of a subset without ports stand under None."""
    found: dict[EndpointPort | None, _Listed] = {}
    for subset in endpoints.subsets:
        addresses = [
            *((address, True) for address in subset.addresses),
            *((address, False) for address in subset.not_ready_addresses),
        ]
        for address, is_ready in addresses:
            uid = "" if address.target_ref is None else address.target_ref.uid
            place = _Place(canonical(address.ip), uid)
            known.setdefault(place, address)
            for port in subset.ports or (None,):
                listed = found.setdefault(port, {})
                listed[place] = is_ready and listed.get(place, True)
    return found


def _regrouped(
    found: Mapping[EndpointPort | None, _Listed],
) -> Iterator[tuple[list[EndpointPort], _Listed]]:
    """Bring the ports together that the same addresses listen on."""
    alike: dict[frozenset[tuple[_Place, bool]], list[EndpointPort]] = {}
    for port, listed in found.items():
        ports = alike.setdefault(frozenset(listed.items()), [])
        if port is not None:
            ports.append(port)
    for listed, ports in alike.items():
        yield ports, dict(listed)


def _by_family(
    places: Iterable[_Place], listed: _Listed, known: Mapping[_Place, EndpointAddress]
) -> dict[str, tuple[Endpoint, ...]]:
    found: dict[str, list[Endpoint]] = {}
    for place in places:
        address = known[place]
        endpoint = Endpoint(
            addresses=(place.ip,),
            conditions=_READY if listed[place] else _NOT_READY,
            hostname=address.hostname,
            node_name=address.node_name,
            target_ref=address.target_ref,
        )
        family = family_of_text(place.ip)
        assert family is not None, "validated before"
        found.setdefault(family, []).append(endpoint)
    return {family: tuple(sorted(each, key=identity_of)) for family, each in found.items()}


def _without_twins(ports: Iterable[EndpointPort]) -> list[tuple[EndpointPort, ...]]:
    """Part ports of one name, which no slice can hold together; no ports are one part too."""
    parts: list[list[EndpointPort]] = [[]]
    by_name = groupby(sorted_ports(ports), key=lambda port: port.name)
    for _, alike in by_name:
        for place, port in enumerate(alike):
            if place == len(parts):
                parts.append([])
            parts[place].append(port)
    return [tuple(part) for part in parts]


def _matched(
    existing: Iterable[EndpointSlice], desired: Mirrored
) -> tuple[dict[Group, EndpointSlice], list[EndpointSlice]]:
    """Find for each group the slice that is kept for it; the others are to spare."""
    kept: dict[Group, EndpointSlice] = {}
    spare: list[EndpointSlice] = []
    key = desired.metadata.key
    for slice_ in sorted(existing, key=lambda slice_: slice_.metadata.name):
        if not slice_.is_mirrored or slice_.service != key or slice_.metadata.is_terminating:
            continue
        group = group_of(slice_)
        if group in desired.endpoints and group not in kept:
            kept[group] = slice_
        else:
            spare.append(slice_)
    return kept, spare


def _reused(group: Group, spare: list[EndpointSlice]) -> EndpointSlice | None:
    for place, slice_ in enumerate(spare):
        if slice_.address_type == group.address_type:
            return spare.pop(place)
    return None


def _filled(
    slice_: EndpointSlice, group: Group, desired: Mirrored, at: datetime | None
) -> EndpointSlice:
    held = slice_.metadata
    annotations = {key: held.annotations[key] for key in _NOT_COPIED & held.annotations.keys()}
    meta = replace(
        held, labels=_labels(desired), annotations={**_copied(desired.metadata), **annotations}
    )
    return replace(
        slice_,
        metadata=triggered(meta, at),
        ports=group.ports,
        endpoints=desired.endpoints[group],
    )


def _is_right(slice_: EndpointSlice, group: Group, desired: Mirrored) -> bool:
    return (
        group_of(slice_) == group
        and tuple(sorted(slice_.endpoints, key=identity_of)) == desired.endpoints[group]
        and slice_.metadata.labels == _labels(desired)
        and _copied(slice_.metadata) == _copied(desired.metadata)
    )


def _labels(desired: Mirrored) -> Mapping[str, str]:
    meta = desired.metadata
    own = {SERVICE_NAME_LABEL: meta.name, MANAGED_BY_LABEL: MIRRORED_BY}
    return dict(sorted({**meta.labels, **own}.items()))


def _copied(meta: ObjectMeta) -> Mapping[str, str]:
    return {key: text for key, text in meta.annotations.items() if key not in _NOT_COPIED}
