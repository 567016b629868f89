"""What follows from a write: the endpoint slices of every Service it touches.

    changes so far -> Services affected, and by which Pods -> SlicePlan -> puts and removals

Runs inside the same unit of work, so slices and their cause share a revision.
Services are found by index, never by looking at all of them.

Source: spec kubernetes-api 3.9 and 3.1; style.md 2.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from app.domain.changes import Change
from app.domain.names import NamespacedName
from app.domain.objects.endpoint_slice import EndpointSlice
from app.domain.objects.kinds import Object
from app.domain.objects.node import Node
from app.domain.objects.pod import Pod
from app.domain.objects.service import Service
from app.domain.registration.endpoint_slices import desired_in, plan
from app.domain.registration.slice_metadata import SliceNames
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
        case Node():
            yield from _on_node(work, change.key.name)
        case EndpointSlice():
            yield from _of_slice(change.before)
        case _:
            pass


def _on_node(work: Work, node: str) -> Iterator[tuple[NamespacedName, NamespacedName]]:
    for pod in work.snapshot.pods_on(node):
        for service in _selecting(work, pod):
            yield service, pod.metadata.key


def _of_slice(before: Object | None) -> Iterator[tuple[NamespacedName, None]]:
    """Have a managed slice that somebody edits or deletes by hand put right."""
    if isinstance(before, EndpointSlice) and before.is_managed and before.service:
        yield before.service, None


def _selecting(work: Work, *pods: Object | None) -> Iterator[NamespacedName]:
    for pod in pods:
        if isinstance(pod, Pod):
            namespace, labels = pod.metadata.namespace, pod.metadata.labels
            for service in work.snapshot.services_selecting(namespace, labels):
                yield service.metadata.key


def _replan(work: Work, service: Service, pods: frozenset[NamespacedName] | None) -> None:
    key = service.metadata.key
    existing = work.snapshot.slices_of(key)
    planned = plan(
        existing,
        desired_in(work.snapshot, service, changed_pods=pods if existing else None),
        names=SliceNames(seed=work.seed(0), taken=work.snapshot.slices),
        endpoints_max=work.policy.endpoints_per_slice,
        triggered_at=work.now,
    )
    for gone in planned.delete:
        work.remove(gone)
    for slice_ in planned.update:
        work.put(slice_)
    for slice_ in planned.create:
        meta = replace(slice_.metadata, uid=work.new_uid(), created_at=work.now)
        work.put(replace(slice_, metadata=meta))


def _remove_owned(work: Work, service: NamespacedName) -> None:
    """Remove the slices of a Service that is gone; those of others' making stay."""
    for slice_ in work.snapshot.slices_of(service):
        owners = slice_.metadata.owner_references
        if slice_.is_managed or any(
            owner.kind == "Service" and owner.name == service.name for owner in owners
        ):
            work.remove(slice_)
