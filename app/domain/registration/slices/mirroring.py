"""Mirroring of Endpoints: the desired slices, and the fewest writes that lead to them.

    Endpoints, Service            -> why it is not mirrored, or ""
    Endpoints                     -> Mirrored     (endpoints by family and ports)
    existing slices, Mirrored     -> SlicePlan    (create, update, delete)

Addresses with the same ports share a slice per family, whichever subsets list them; an
address that is listed both as ready and as not ready counts as not ready.  Slices that are
not mirrored are never touched.

Source: KEP-752; spec kubernetes-api 3.8.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from app.domain.addresses import canonical, family_of_text
from app.domain.copies import replace
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
from app.domain.objects.meta import LAST_APPLIED_ANNOTATION, ObjectMeta
from app.domain.objects.service import Service
from app.domain.registration.slices.endpoints import identity_of, sorted_ports
from app.domain.registration.slices.metadata import SliceNames, new_names, triggered
from app.domain.registration.slices.packing import Group, group_of
from app.domain.registration.slices.planning import SlicePlan

ADDRESSES_MAX = 1_000  # addresses mirrored per set of ports
SKIP_LABEL = "endpointslice.kubernetes.io/skip-mirror"
LEADER_ANNOTATION = "control-plane.alpha.kubernetes.io/leader"
_NOT_COPIED = frozenset({TRIGGER_TIME_ANNOTATION, LAST_APPLIED_ANNOTATION})
_READY, _NOT_READY = EndpointConditions(ready=True), EndpointConditions(ready=False)


class _Target(NamedTuple):
    """The identity of a listed address: two Pods may have the same address."""

    ip: str
    uid: str


_Listed = dict[_Target, bool]
"""Listed addresses, and whether each is ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirrored:
    """The endpoints that the slices of an Endpoints object must contain together.

    ``skipped`` counts the addresses beyond the limit per set of ports.
    """

    metadata: ObjectMeta
    endpoints: Mapping[Group, tuple[Endpoint, ...]]
    skipped: int = 0


def why_not_mirrored(endpoints: Endpoints, service: Service | None) -> str:
    """Say why an Endpoints object is not mirrored; empty when it is."""
    meta = endpoints.metadata
    if meta.labels.get(SKIP_LABEL) == "true":
        return f"it is labelled {SKIP_LABEL}=true"
    if LEADER_ANNOTATION in meta.annotations:
        return "it is a lock of a leader election"
    if label_problems(meta.name):
        return "its name is not valid for a Service"
    if service is not None and service.has_selector:
        return f"the Service {meta.key} has a selector: its endpoints are the Pods it selects"
    return ""


def mirrored(endpoints: Endpoints, *, addresses_max: int = ADDRESSES_MAX) -> Mirrored:
    """Group the listed addresses into endpoints by family and ports."""
    known: dict[_Target, EndpointAddress] = {}
    found: dict[Group, tuple[Endpoint, ...]] = {}
    skipped = 0
    for ports, listed in _regrouped(_listed_by_port(endpoints, known)):
        # Ready ones first, so that those over the limit are not ready if possible.
        targets = sorted(listed, key=lambda target: (not listed[target], target))
        skipped += max(0, len(targets) - addresses_max)
        for family, members in _by_family(targets[:addresses_max], listed, known).items():
            for distinct in _distinctly_named(ports):
                found[Group(family, distinct)] = members
    return Mirrored(metadata=endpoints.metadata, endpoints=found, skipped=skipped)


def plan_mirrored(
    existing: Iterable[EndpointSlice],
    desired: Mirrored,
    *,
    names: SliceNames,
    triggered_at: datetime | None = None,
) -> SlicePlan:
    """Find the fewest writes after which the mirrored slices are as desired."""
    every = tuple(existing)
    kept, spare = _matched(every, desired)
    key = desired.metadata.key
    fresh = new_names(key, names, every)
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
        elif not _is_as_desired(current, group, desired):
            update.append(_filled(current, group, desired, triggered_at))
    return SlicePlan(create=tuple(create), update=tuple(update), delete=tuple(spare))


def _listed_by_port(
    endpoints: Endpoints, known: dict[_Target, EndpointAddress]
) -> dict[EndpointPort | None, _Listed]:
    """List the addresses of each port; the key of a subset without ports is None."""
    found: dict[EndpointPort | None, _Listed] = {}
    for subset in endpoints.subsets:
        addresses = [
            *((address, True) for address in subset.addresses),
            *((address, False) for address in subset.not_ready_addresses),
        ]
        for address, is_ready in addresses:
            uid = "" if address.target_ref is None else address.target_ref.uid
            target = _Target(canonical(address.ip), uid)
            known.setdefault(target, address)
            for port in subset.ports or (None,):
                listed = found.setdefault(port, {})
                listed[target] = is_ready and listed.get(target, True)
    return found


def _regrouped(
    found: Mapping[EndpointPort | None, _Listed],
) -> Iterator[tuple[list[EndpointPort], _Listed]]:
    """Group the ports that have the same addresses."""
    ports_by_addresses: dict[frozenset[tuple[_Target, bool]], list[EndpointPort]] = {}
    for port, listed in found.items():
        ports = ports_by_addresses.setdefault(frozenset(listed.items()), [])
        if port is not None:
            ports.append(port)
    for listed, ports in ports_by_addresses.items():
        yield ports, dict(listed)


def _by_family(
    targets: Iterable[_Target], listed: _Listed, known: Mapping[_Target, EndpointAddress]
) -> dict[str, tuple[Endpoint, ...]]:
    found: dict[str, list[Endpoint]] = {}
    for target in targets:
        address = known[target]
        endpoint = Endpoint(
            addresses=(target.ip,),
            conditions=_READY if listed[target] else _NOT_READY,
            hostname=address.hostname,
            node_name=address.node_name,
            target_ref=address.target_ref,
        )
        family = family_of_text(target.ip)
        assert family is not None, "validated before"
        found.setdefault(family, []).append(endpoint)
    return {family: tuple(sorted(each, key=identity_of)) for family, each in found.items()}


def _distinctly_named(ports: Iterable[EndpointPort]) -> list[tuple[EndpointPort, ...]]:
    """Split ports of equal names, which no slice can contain together; at least one part."""
    parts: list[list[EndpointPort]] = [[]]
    by_name = groupby(sorted_ports(ports), key=lambda port: port.name)
    for _, namesakes in by_name:
        for index, port in enumerate(namesakes):
            if index == len(parts):
                parts.append([])
            parts[index].append(port)
    return [tuple(part) for part in parts]


def _matched(
    existing: Iterable[EndpointSlice], desired: Mirrored
) -> tuple[dict[Group, EndpointSlice], list[EndpointSlice]]:
    """Find the present slice of each group; return the slices of no group as well."""
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
    for index, slice_ in enumerate(spare):
        if slice_.address_type == group.address_type:
            return spare.pop(index)
    return None


def _filled(
    slice_: EndpointSlice, group: Group, desired: Mirrored, at: datetime | None
) -> EndpointSlice:
    meta = slice_.metadata
    annotations = {key: meta.annotations[key] for key in _NOT_COPIED & meta.annotations.keys()}
    meta = replace(
        meta, labels=_labels(desired), annotations={**_copied(desired.metadata), **annotations}
    )
    return replace(
        slice_,
        metadata=triggered(meta, at),
        ports=group.ports,
        endpoints=desired.endpoints[group],
    )


def _is_as_desired(slice_: EndpointSlice, group: Group, desired: Mirrored) -> bool:
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
