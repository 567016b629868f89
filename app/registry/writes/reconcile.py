"""What follows from a write: the endpoint slices of every Service it touches.

    changes so far -> Services affected, and by which Pods -> SlicePlan -> puts and removals

Runs inside the same unit of work, so slices and their cause share a revision.
Services are found by index, never by looking at all of them: by the labels that their
selectors want, and those that have lost theirs by the addresses in their slices.

Source: spec kubernetes-api 3.9 and 3.1; style.md 2.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from app.domain.addresses import canonical
from app.domain.changes import Change
from app.domain.names import NamespacedName
from app.domain.objects.endpoint_slice import EndpointSlice
from app.domain.objects.kinds import Object
from app.domain.objects.node import Node
from app.domain.objects.pod import Pod
from app.domain.objects.service import Service
from app.domain.registration.slices.endpoints import has_computed_endpoints
from app.domain.registration.slices.hints import capacity_of
from app.domain.registration.slices.left_over import plan_left_over
from app.domain.registration.slices.metadata import SliceNames
from app.domain.registration.slices.planning import SlicePlan, desired_in, plan
from app.registry import namespaces
from app.registry.work import Work

Affected = Mapping[NamespacedName, frozenset[NamespacedName] | None]
"""Services by key: the Pods that changed for them, or None when everything did."""


def reconcile(work: Work) -> None:
    """Plan the slices anew wherever this write may have changed them."""
    for key, pods in sorted(_affected(work).items()):
        service = work.snapshot.services.get(key)
        if service is None:
            _remove_owned(work, key)
        else:
            _replan(work, service, pods)
    namespaces.finish_emptied(work)


def reconsider_left_over(work: Work) -> None:
    """Take out of all left-over slices the endpoints of Pods that are gone.

    An earlier version left them where they were; it is done once, at the start.
    """
    for key in sorted(work.snapshot.services):
        service = work.snapshot.services[key]
        if not has_computed_endpoints(service):
            _replan(work, service, None)


def _affected(work: Work) -> Affected:
    found: dict[NamespacedName, frozenset[NamespacedName] | None] = {}
    for change in work.changes():
        for service, pod in _consequences(work, change):
            known = found.get(service, frozenset[NamespacedName]())
            found[service] = None if pod is None or known is None else known | {pod}
    return found


def _consequences(
    work: Work, change: Change
) -> Iterator[tuple[NamespacedName, NamespacedName | None]]:
    match change.object:
        case Service():
            yield change.key, None
        case Pod():
            for service in _selecting(work, change.before, change.after):
                yield service, change.key
            for service in _left_with(work, change.before):
                yield service, change.key
        case Node():
            yield from _on_node(work, change)
        case EndpointSlice():
            yield from _of_slice(work, change.before, change.after)
        case _:
            pass


def _on_node(work: Work, change: Change) -> Iterator[tuple[NamespacedName, NamespacedName | None]]:
    """Pass a Node's zone on to the endpoints on it, and its capacity to hints that go by it."""
    before, after = (
        side if isinstance(side, Node) else None for side in (change.before, change.after)
    )
    if _zone(before) != _zone(after):
        for pod in work.snapshot.pods_on(change.key.name):
            for service in (*_selecting(work, pod), *_left_with(work, pod)):
                yield service, pod.metadata.key
    if before is None or after is None or capacity_of(before) != capacity_of(after):
        for service in work.snapshot.members("balanced"):
            yield service, None


def _zone(node: Node | None) -> str:
    return "" if node is None else node.zone


def _of_slice(work: Work, *sides: Object | None) -> Iterator[tuple[NamespacedName, None]]:
    """Have what somebody writes, relabels or deletes among the slices of ours put right."""
    for side in sides:
        if not isinstance(side, EndpointSlice) or not (side.is_managed or side.is_mirrored):
            continue
        # What names a Service that does not exist is nobody's to put right.
        if side.service is not None and side.service in work.snapshot.services:
            yield side.service, None


def _selecting(work: Work, *pods: Object | None) -> Iterator[NamespacedName]:
    for pod in pods:
        if isinstance(pod, Pod):
            namespace, labels = pod.metadata.namespace, pod.metadata.labels
            for service in work.snapshot.services_selecting(namespace, labels):
                yield service.metadata.key


def _left_with(work: Work, pod: Object | None) -> Iterator[NamespacedName]:
    """Find the Services without a selector that a Pod was left behind, by its addresses."""
    if not isinstance(pod, Pod):
        return
    for ip in pod.pod_ips:
        for slice_ in work.snapshot.slices_with(canonical(ip)):
            if not slice_.is_managed or slice_.metadata.namespace != pod.metadata.namespace:
                continue
            service = None if slice_.service is None else work.snapshot.services.get(slice_.service)
            if service is not None and not has_computed_endpoints(service):
                yield service.metadata.key


def _replan(work: Work, service: Service, pods: frozenset[NamespacedName] | None) -> None:
    if pods is None and service.has_selector:
        _unmirror(work, service.metadata.key)
    planned = _planned(work, service, pods)
    for gone in planned.delete:
        work.remove(gone)
    for slice_ in planned.update:
        work.put(slice_)
    for slice_ in planned.create:
        meta = replace(slice_.metadata, uid=work.new_uid(), created_at=work.now)
        work.put(replace(slice_, metadata=meta))


def _unmirror(work: Work, service: NamespacedName) -> None:
    """Remove what mirrors an Endpoints object: a selector says now what is behind a Service."""
    for slice_ in work.snapshot.slices_of(service):
        if slice_.is_mirrored:
            work.remove(slice_)


def _planned(work: Work, service: Service, pods: frozenset[NamespacedName] | None) -> SlicePlan:
    if not has_computed_endpoints(service):
        return plan_left_over(work.snapshot, service, changed_pods=pods, triggered_at=work.now)
    existing = work.snapshot.slices_of(service.metadata.key)
    return plan(
        existing,
        desired_in(work.snapshot, service, changed_pods=pods if existing else None),
        names=SliceNames(seed=work.seed(0), taken=work.snapshot.slices),
        endpoints_max=work.policy.endpoints_per_slice,
        triggered_at=work.now,
    )


def _remove_owned(work: Work, service: NamespacedName) -> None:
    """Remove the slices of a Service that is gone; those of others' making stay."""
    for slice_ in work.snapshot.slices_of(service):
        owners = slice_.metadata.owner_references
        if (
            slice_.is_managed
            or slice_.is_mirrored
            or any(owner.kind == "Service" and owner.name == service.name for owner in owners)
        ):
            work.remove(slice_)
