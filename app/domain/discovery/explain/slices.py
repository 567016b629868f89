"""Explains the slices of a Service that Waypost does not update itself.

    Snapshot, Service -> slices written by hand or left over, and those with a misspelt label

Source: spec kubernetes-api 3.1, 3.5 and 3.8.
"""

from collections.abc import Iterator

from app.domain.discovery.explain.explanation import Reason, ReasonCode, SliceExplanation
from app.domain.discovery.explain.near_misses import distance
from app.domain.names import NamespacedName
from app.domain.objects.endpoint_slice import (
    MANAGED_BY_LABEL,
    SERVICE_NAME_LABEL,
    AddressType,
    EndpointSlice,
)
from app.domain.objects.service import Service
from app.domain.snapshot import Snapshot

EXPLAINED_SLICES_MAX = 50
STRAY_DISTANCE_MAX = 2  # letters by which a label may differ from the Service's name


def explain_slices(
    snapshot: Snapshot, service: Service
) -> tuple[tuple[SliceExplanation, ...], int]:
    """Explain the slices of a Service that Waypost does not update; also count the omitted."""
    kept = service.has_selector and not service.is_external_name
    mine = snapshot.slices_of(service.metadata.key)
    found = [_explained(service, slice_) for slice_ in mine if not (kept and slice_.is_managed)]
    if not mine:
        found.extend(_strays(snapshot, service))
    return tuple(found[:EXPLAINED_SLICES_MAX]), max(0, len(found) - EXPLAINED_SLICES_MAX)


def _explained(service: Service, slice_: EndpointSlice, *more: Reason) -> SliceExplanation:
    ready = sum(endpoint.conditions.is_ready for endpoint in slice_.endpoints)
    return SliceExplanation(
        slice=slice_.metadata.key,
        managed_by=slice_.metadata.labels.get(MANAGED_BY_LABEL, ""),
        address_type=slice_.address_type,
        endpoints=len(slice_.endpoints),
        endpoints_ready=ready,
        reasons=more or tuple(_reasons(service, slice_, ready)),
    )


def _reasons(service: Service, slice_: EndpointSlice, ready: int) -> Iterator[Reason]:
    if slice_.is_managed:
        yield Reason(
            ReasonCode.LEFT_OVER,
            "it has the Pods that the Service's last selector matched: none is added any more, "
            "and each is removed with its Pod",
        )
    elif slice_.is_mirrored:
        yield Reason(ReasonCode.MIRRORED, "it mirrors the Endpoints object of the Service's name")
    elif service.has_selector:
        yield Reason(
            ReasonCode.BESIDE_SELECTOR,
            "it is written by hand and counts in addition to the selected Pods",
        )
    else:
        yield Reason(ReasonCode.WRITTEN_BY_HAND, "it is written by hand")
    if slice_.address_type not in (*service.ip_families, AddressType.FQDN):
        families = ", ".join(service.ip_families)
        message = f"its addresses are {slice_.address_type}, the Service has {families}"
        yield Reason(ReasonCode.WRONG_FAMILY, message)
    yield from _contents(service, slice_, ready)


def _contents(service: Service, slice_: EndpointSlice, ready: int) -> Iterator[Reason]:
    names = {port.name for port in slice_.ports}
    if not slice_.endpoints:
        yield Reason(ReasonCode.NO_ENDPOINTS, "it has no endpoints")
    elif not ready:
        yield Reason(ReasonCode.NONE_READY, "none of its endpoints is ready")
    if slice_.endpoints and service.ports and not slice_.ports:
        yield Reason(ReasonCode.NO_PORTS, "it lists no ports, so none can be used")
        return
    for port in service.ports:
        if slice_.ports and port.name not in names:
            has = ", ".join(sorted(name or "unnamed" for name in names))
            message = f"it has no port named {port.name or 'like the unnamed one'}, only {has}"
            yield Reason(ReasonCode.PORT_NOT_FOUND, message)


def _strays(snapshot: Snapshot, service: Service) -> Iterator[SliceExplanation]:
    """Find slices that were most likely meant for this Service, which has none."""
    wanted = f"{SERVICE_NAME_LABEL}={service.metadata.name}"
    for key in snapshot.keys_in("EndpointSlice", service.metadata.namespace):
        slice_ = snapshot.slices[key]
        name = slice_.metadata.labels.get(SERVICE_NAME_LABEL)
        if name is None and key.name.startswith(service.metadata.name):
            message = f"it would belong to the Service if it were labelled {wanted}"
        elif name is not None and _is_misspelt(snapshot, service, name):
            message = f"it is labelled {SERVICE_NAME_LABEL}={name}, the Service wants {wanted}"
        else:
            continue
        yield _explained(service, slice_, Reason(ReasonCode.LABEL_MISSING, message))


def _is_misspelt(snapshot: Snapshot, service: Service, name: str) -> bool:
    meant = service.metadata.name
    return (
        NamespacedName(service.metadata.namespace, name) not in snapshot.services
        and abs(len(name) - len(meant)) <= STRAY_DISTANCE_MAX
        and distance(name, meant) <= STRAY_DISTANCE_MAX
    )
