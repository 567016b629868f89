"""The Services whose slices a change may alter, and through which Pod.

    Snapshot after the change, Change -> (Service, Pod), or (Service, None) for all of its Pods

Services are found by index, never by a scan: by the labels that their selectors require, and
those that have lost their selector by the addresses in their slices.

Source: spec kubernetes-api 3.1 and 3.9.
"""

from collections.abc import Iterator

from app.domain.addresses import canonical
from app.domain.changes import Change
from app.domain.names import NamespacedName
from app.domain.objects.endpoint_slice import EndpointSlice
from app.domain.objects.node import Node
from app.domain.objects.pod import Pod
from app.domain.objects.resource import Object
from app.domain.registration.slices.endpoints import has_computed_endpoints
from app.domain.registration.slices.hints import capacity_of
from app.domain.registration.strategy import Affected
from app.domain.snapshot import Snapshot


def by_service(_: Snapshot, change: Change) -> Iterator[Affected]:
    """Plan the slices of a changed Service anew from all of its Pods."""
    yield change.key, None


def by_pod(snapshot: Snapshot, change: Change) -> Iterator[Affected]:
    """List the Services that select or selected a Pod, or whose left-over slices contain it."""
    for side in (change.before, change.after):
        for service in _selecting(snapshot, side):
            yield service, change.key
    for service in _with_left_over(snapshot, change.before):
        yield service, change.key


def by_node(snapshot: Snapshot, change: Change) -> Iterator[Affected]:
    """List the Services with endpoints on a Node of another zone, or hints by its capacity."""
    before, after = (
        side if isinstance(side, Node) else None for side in (change.before, change.after)
    )
    if _zone(before) != _zone(after):
        for pod in snapshot.pods_on(change.key.name):
            for service in (*_selecting(snapshot, pod), *_with_left_over(snapshot, pod)):
                yield service, pod.metadata.key
    if before is None or after is None or capacity_of(before) != capacity_of(after):
        for service in snapshot.members("balanced"):
            yield service, None


def by_slice(snapshot: Snapshot, change: Change) -> Iterator[Affected]:
    """List the Services whose computed slices a client has written, relabelled or deleted."""
    for side in (change.before, change.after):
        if not isinstance(side, EndpointSlice) or not (side.is_managed or side.is_mirrored):
            continue
        # A slice that names a Service that does not exist stays as it is.
        if side.service is not None and side.service in snapshot.services:
            yield side.service, None


def _zone(node: Node | None) -> str:
    return "" if node is None else node.zone


def _selecting(snapshot: Snapshot, pod: Object | None) -> Iterator[NamespacedName]:
    if isinstance(pod, Pod):
        for service in snapshot.services_selecting(pod.metadata.namespace, pod.metadata.labels):
            yield service.metadata.key


def _with_left_over(snapshot: Snapshot, pod: Object | None) -> Iterator[NamespacedName]:
    """Find the Services without a selector whose left-over slices have a Pod's addresses."""
    if not isinstance(pod, Pod):
        return
    for ip in pod.pod_ips:
        for slice_ in snapshot.slices_with(canonical(ip)):
            if not slice_.is_managed or slice_.metadata.namespace != pod.metadata.namespace:
                continue
            service = None if slice_.service is None else snapshot.services.get(slice_.service)
            if service is not None and not has_computed_endpoints(service):
                yield service.metadata.key
