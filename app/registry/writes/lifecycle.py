"""Creation, replacement and deletion of objects: the part that all kinds share.

    draft -> named, admitted, numbered -> stored          (create, replace)
    stored -> terminating -> gone                         (delete)

The rules of a kind are in its STRATEGY; ``reconcile`` plans EndpointSlices afterwards.

Source: spec kubernetes-api 1.1, 5.2, 5.9 and 5.10.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import timedelta
from functools import cache
from operator import attrgetter
from typing import Any

from app.domain.copies import replace
from app.domain.errors import (
    AlreadyExists,
    CauseReason,
    Forbidden,
    Invalid,
    Violation,
    not_found,
)
from app.domain.names import NamespacedName, generated_name, label_problems
from app.domain.objects.meta import ObjectMeta
from app.domain.objects.namespace import NAMESPACE, Namespace
from app.domain.objects.resource import AnyResource, Object, Resource, T
from app.domain.registration.finalizers import lasting_finalizers, without_those_of_clusters
from app.domain.registration.namespaces import finalized
from app.domain.registration.strategies import strategy_for, strategy_of
from app.domain.resources import resource_of
from app.domain.work import Work
from app.registry.writes.preconditions import NO_PRECONDITIONS, Preconditions, conflict
from app.registry.writes.rights import has_right, require_right

GENERATE_TRIES_MAX = 8


def require(work: Work, kind: Resource[T], key: NamespacedName) -> T:
    """Find an object; raises NotFound when there is none."""
    found = work.snapshot.of(kind).get(key)
    if found is None:
        raise not_found(kind.plural, key.name)
    return found


def create(work: Work, draft: Object) -> Object:
    """Register a new object under a fresh uid.

    Raises Invalid with every violation, AlreadyExists, Exhausted, NotFound or
    Forbidden for the namespace.
    """
    kind = resource_of(draft)
    draft = without_those_of_clusters(work, _named(work, draft))
    strategy_for(kind).authorize_write(work.snapshot, work.user, None, draft)
    _require_namespace(work, draft)
    meta = replace(
        draft.metadata,
        uid=work.new_uid(),
        generation=1,
        created_at=work.now,
        deleted_at=None,
        deletion_grace_s=None,
    )
    current = work.find(kind.name, meta.key)
    strategy = strategy_for(kind)
    status: Mapping[str, Any] = {} if strategy.is_created_with_status else kind.no_status
    admitted = strategy.admitted(work, None, replace(draft, metadata=meta, **status))
    if current is not None:
        raise AlreadyExists(f'{kind.plural} "{meta.name}" already exists').about(
            kind.plural, meta.name
        )
    return work.put(admitted)


def put(
    work: Work, draft: Object, preconditions: Preconditions = NO_PRECONDITIONS
) -> tuple[Object, bool]:
    """Replace an object, or create it where its kind allows; says whether it was created.

    The status is kept, unless the kind's strategy takes it from the draft.
    """
    kind, key = resource_of(draft), draft.metadata.key
    current = work.find(kind.name, key)
    preconditions.check(kind, key, current)
    if current is None:
        if not strategy_for(kind).is_created_by_put:
            require(work, kind, key)
        require_right(work, "create", kind, key.namespace)
        if draft.metadata.resource_version:
            raise conflict(kind, key, "the object to be changed has been deleted")
        return create(work, draft), True
    return _replaced(work, current, _with_status_kept(current, draft)), False


def put_status(
    work: Work, draft: Object, preconditions: Preconditions = NO_PRECONDITIONS
) -> Object:
    """Replace only the status of an object; raises NotFound and Invalid.

    Labels, annotations and owners that a report does not repeat are kept.
    """
    kind, key = resource_of(draft), draft.metadata.key
    current: Object = require(work, kind, key)
    preconditions.check(kind, key, current)
    status = _status_of(draft)
    sent, held = draft.metadata, current.metadata
    meta = replace(
        sent,
        labels=sent.labels or held.labels,
        annotations=sent.annotations or held.annotations,
        owner_references=sent.owner_references or held.owner_references,
    )
    return _replaced(work, current, replace(current, metadata=meta, **status), only_status=True)


def report_status(work: Work, draft: Object, preconditions: Preconditions) -> Object:
    """Replace the status of an object, completed with fields that a report may leave out."""
    current = work.find(resource_of(draft).name, draft.metadata.key)
    if current is not None:
        draft = strategy_of(draft).complete_report(current, draft)
    return put_status(work, draft, preconditions)


def finalize(work: Work, draft: Object, preconditions: Preconditions = NO_PRECONDITIONS) -> Object:
    """Replace only the ``spec.finalizers`` of a Namespace; raises NotFound and Invalid."""
    assert isinstance(draft, Namespace), "no other kind has finalizers in its spec"
    key, sent = draft.metadata.key, draft.metadata
    current = require(work, NAMESPACE, key)
    preconditions.check(NAMESPACE, key, current)
    Preconditions(uid=sent.uid, resource_version=sent.resource_version).check(
        NAMESPACE, key, current
    )
    return finalized(work, current, draft)


SUBRESOURCES: Mapping[str, Callable[[Work, Object, Preconditions], Object]] = {
    "status": report_status,
    "finalize": finalize,
}
"""The writes of the paths below an object."""


def delete(
    work: Work,
    kind: AnyResource,
    key: NamespacedName,
    *,
    preconditions: Preconditions = NO_PRECONDITIONS,
    grace_s: int | None = None,
) -> tuple[Object, bool]:
    """Remove an object, or mark it terminating; says whether it was removed.

    A Pod stays for its grace period, and any object until its finalizers are removed.  A
    second delete without grace ends a Pod's grace period immediately.
    """
    current: Object = require(work, kind, key)
    preconditions.check(kind, key, current)
    strategy = strategy_for(kind)
    if strategy.delete is not None:
        return strategy.delete(work, current, remove)
    wanted_s = 0 if strategy.grace_s is None else strategy.grace_s(current, grace_s)
    finalizers = lasting_finalizers(current)
    if not finalizers and wanted_s == 0:
        remove(work, current)
        if current.metadata.is_terminating:  # as in Kubernetes, the answer has a grace period of 0
            current = replace(current, metadata=replace(current.metadata, deletion_grace_s=0))
        return current, True
    deadline = work.now + timedelta(seconds=wanted_s)
    meta = replace(
        current.metadata,
        deleted_at=min(deadline, current.metadata.deleted_at or deadline),
        deletion_grace_s=min(wanted_s, current.metadata.deletion_grace_s or wanted_s),
        finalizers=finalizers,
    )
    return work.put(replace(current, metadata=meta)), False


def remove(work: Work, gone: Object) -> None:
    """Remove an object, and release what it held."""
    strategy_of(gone).release(work, gone)
    work.remove(gone)


def _replaced(work: Work, current: Object, draft: Object, *, only_status: bool = False) -> Object:
    kind, meta = resource_of(current), current.metadata
    draft = without_those_of_clusters(work, draft)
    strategy_for(kind).authorize_write(work.snapshot, work.user, current, draft)
    sent = draft.metadata
    Preconditions(uid=sent.uid, resource_version=sent.resource_version).check(
        kind, meta.key, current
    )
    if meta.is_terminating and set(sent.finalizers) - set(meta.finalizers):
        raise Invalid(kind.name, meta.name, (_finalizer_added(),))
    carried = replace(
        sent,
        uid=meta.uid,
        generate_name=meta.generate_name,
        created_at=meta.created_at,
        deleted_at=meta.deleted_at,
        deletion_grace_s=meta.deletion_grace_s,
        generation=meta.generation,
        resource_version="",
    )
    draft = replace(draft, metadata=carried)
    strategy = strategy_for(kind)
    if only_status and strategy.observe is not None:
        admitted = strategy.observe(current, draft)
    else:
        admitted = strategy.admitted(work, current, draft)
    counted_of = _counted_of(kind)
    if counted_of(admitted) != counted_of(current):
        carried = replace(admitted.metadata, generation=meta.generation + 1)
        admitted = replace(admitted, metadata=carried)
    if meta.is_terminating and not carried.finalizers and strategy.goes_when_freed:
        remove(work, current)
        return admitted
    return work.put(admitted)


def _named(work: Work, draft: Object) -> Object:
    meta, kind = draft.metadata, resource_of(draft)
    if meta.name or not meta.generate_name:
        return draft
    for attempt in range(GENERATE_TRIES_MAX):
        name = generated_name(meta.generate_name, seed=work.seed(attempt))
        if work.find(kind.name, NamespacedName(meta.namespace, name)) is None:
            return replace(draft, metadata=replace(meta, name=name))
    raise AlreadyExists(
        f'{kind.plural} "{meta.generate_name}": {GENERATE_TRIES_MAX} generated names are taken'
    ).about(kind.plural, meta.generate_name)


def _require_namespace(work: Work, draft: Object) -> None:
    kind, meta = resource_of(draft), draft.metadata
    if not kind.is_namespaced:
        return
    namespace = work.snapshot.namespaces.get(NamespacedName("", meta.namespace))
    if namespace is None:
        if work.policy.creates_namespaces and label_problems(meta.namespace):
            return  # the draft is refused for this field
        if not work.policy.creates_namespaces or not has_right(work, "create", NAMESPACE):
            raise not_found(NAMESPACE.plural, meta.namespace)
        create(work, Namespace(metadata=ObjectMeta(name=meta.namespace)))
    elif namespace.metadata.is_terminating:
        message = f"namespace {meta.namespace} is being terminated"
        raise Forbidden(
            f'{kind.plural} "{meta.name}" is forbidden: unable to create new content in '
            f"namespace {meta.namespace} because it is being terminated",
            causes=(Violation(CauseReason.NAMESPACE_TERMINATING, "metadata.namespace", message),),
        ).about(kind.plural, meta.name)


def _with_status_kept(current: Object, draft: Object) -> Object:
    if strategy_of(draft).sends_status(draft):
        return draft
    return replace(draft, **_status_of(current))


def _status_of(registered: Object) -> dict[str, Any]:
    """Give the status fields, which only reports change."""
    return {name: getattr(registered, name) for name in resource_of(registered).status_fields}


@cache
def _counted_of(kind: AnyResource) -> Callable[[Object], object]:
    """Make the getter of what the generation of a kind counts."""
    uncounted = {"metadata", *kind.status_fields}
    counted = [each.name for each in fields(kind.type) if each.name not in uncounted]
    if kind.counts_labels:
        counted.append("metadata.labels")
    return attrgetter(*counted) if counted else lambda _: None


def _finalizer_added() -> Violation:
    return Violation(
        CauseReason.FORBIDDEN,
        "metadata.finalizers",
        "no new finalizers can be added if the object is being deleted",
    )
