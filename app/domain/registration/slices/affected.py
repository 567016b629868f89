"""Which Services' slices a change may alter, and through which Pod.

    Snapshot after the change, Change -> (Service, Pod), or (Service, None) for all of its Pods

Services are found by index, never by looking at all of them: by the labels that their
selectors want, and those that have lost theirs by the addresses in their slices.

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
    """Name the Services that select a Pod or did, and those that were left with its addresses."""
    for side in (change.before, change.after):
        for service in _selecting(snapshot, side):
            yield service, change.key
    for service in _left_with(snapshot, change.before):
        yield service, change.key


def by_node(snapshot: Snapshot, change: Change) -> Iterator[Affected]:
    """Pass a Node's zone on to the endpoints on it, and its capacity to hints that go by it."""
    before, after = (
        side if isinstance(side, Node) else None for side in (change.before, change.after)
    )
    if _zone(before) != _zone(after):
        for pod in snapshot.pods_on(change.key.name):
            for service in (*_selecting(snapshot, pod), *_left_with(snapshot, pod)):
                yield service, pod.metadata.key
    if before is None or after is None or capacity_of(before) != capacity_of(after):
        for service in snapshot.members("balanced"):
            yield service, None


def by_slice(snapshot: Snapshot, change: Change) -> Iterator[Affected]:
    """Repair the slices of ours that a client has written, relabelled or deleted."""
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


def _left_with(snapshot: Snapshot, pod: Object | None) -> Iterator[NamespacedName]:
    """Find the Services without a selector that a Pod was left behind, by its addresses."""
    if not isinstance(pod, Pod):
        return
    for ip in pod.pod_ips:
        for slice_ in snapshot.slices_with(canonical(ip)):
            if not slice_.is_managed or slice_.metadata.namespace != pod.metadata.namespace:
                continue
            service = None if slice_.service is None else snapshot.services.get(slice_.service)
            if service is not None and not has_computed_endpoints(service):
                yield service.metadata.key
