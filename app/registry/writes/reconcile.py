"""Updates the EndpointSlices of every Service that a write affects.

    changes so far -> Services affected, and by which Pods -> SlicePlan -> puts and removals

Runs inside the same unit of work, so slices and their cause share a revision.  The strategy of
a kind says which Services a change affects.

Source: spec kubernetes-api 3.9 and 3.1; style.md 2.
"""

from collections.abc import Mapping

from app.domain.copies import replace
from app.domain.names import NamespacedName
from app.domain.objects.service import Service
from app.domain.registration.slices.endpoints import has_computed_endpoints
from app.domain.registration.slices.left_over import plan_left_over
from app.domain.registration.slices.metadata import SliceNames
from app.domain.registration.slices.planning import SlicePlan, desired_in, plan
from app.domain.registration.strategies import STRATEGIES, strategy_of
from app.domain.work import Work

Affected = Mapping[NamespacedName, frozenset[NamespacedName] | None]
"""Services by key, with the Pods that changed for them; None means all Pods."""


def reconcile(work: Work) -> None:
    """Plan again the slices that this write may have changed."""
    for key, pods in sorted(_affected(work).items()):
        service = work.snapshot.services.get(key)
        if service is None:
            _remove_owned(work, key)
        else:
            _replan(work, service, pods)
    for strategy in STRATEGIES.values():
        if strategy.finish_after_write is not None:
            strategy.finish_after_write(work)


def reconsider_left_over(work: Work) -> None:
    """Remove the endpoints of deleted Pods from all left-over slices.

    An earlier version kept them; this runs once, at the start.
    """
    for key in sorted(work.snapshot.services):
        service = work.snapshot.services[key]
        if not has_computed_endpoints(service):
            _replan(work, service, None)


def _affected(work: Work) -> Affected:
    found: dict[NamespacedName, frozenset[NamespacedName] | None] = {}
    for change in work.changes():
        for service, pod in strategy_of(change.object).affects(work.snapshot, change):
            known = found.get(service, frozenset[NamespacedName]())
            found[service] = None if pod is None or known is None else known | {pod}
    return found


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
    """Remove slices that mirror an Endpoints object, as the Service has a selector now."""
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
    """Remove the slices of a deleted Service; slices made by other writers stay."""
    for slice_ in work.snapshot.slices_of(service):
        owners = slice_.metadata.owner_references
        if (
            slice_.is_managed
            or slice_.is_mirrored
            or any(owner.kind == "Service" and owner.name == service.name for owner in owners)
        ):
            work.remove(slice_)
