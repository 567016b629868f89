"""How any object comes, changes and goes: the part that is the same for every kind.

    draft -> named, admitted, numbered -> stored          (create, replace)
    stored -> terminating -> gone                         (delete)

What a kind allows is in its own module, which ``_admitted`` calls; endpoint
slices that follow from a write are planned afterwards, by ``reconcile``.

Source: spec kubernetes-api 1.1, 5.2, 5.9 and 5.10.
"""

from collections.abc import Container, Mapping
from dataclasses import replace
from datetime import timedelta

from app.domain.errors import (
    AlreadyExists,
    CauseReason,
    Forbidden,
    Invalid,
    Violation,
    not_found,
)
from app.domain.names import NamespacedName, label_problems
from app.domain.objects.endpoint_slice import EndpointSlice
from app.domain.objects.kinds import NAMESPACE, POD, SERVICE, Kind, Object, kind_of
from app.domain.objects.meta import ObjectMeta
from app.domain.objects.namespace import Namespace
from app.domain.objects.node import Node
from app.domain.objects.pod import GRACE_PERIOD_S_DEFAULT, GRACE_PERIOD_S_MAX, Pod
from app.domain.objects.service import Service
from app.domain.objects.service_cidr import ServiceCIDR
from app.domain.registration.finalizers import lasting_finalizers
from app.domain.registration.naming import generated_name
from app.registry import namespaces, service_cidrs, services
from app.registry.admission import admitted_node, admitted_pod, admitted_slice
from app.registry.finalizers import without_those_of_clusters
from app.registry.removal import remove
from app.registry.work import Work
from app.registry.writes.preconditions import NO_PRECONDITIONS, Preconditions, conflict

GENERATE_TRIES_MAX = 8

CREATED_BY_PUT: Container[str] = frozenset({SERVICE.name, POD.name})
"""Kinds that a PUT to a missing name creates: Services as in Kubernetes, and Pods."""

_STATUS_FIELDS: Mapping[str, tuple[str, ...]] = {
    "Service": ("ingress", "conditions"),
    "Pod": (
        "phase",
        "pod_ips",
        "host_ip",
        "conditions",
        "reason",
        "message",
        "nominated_node_name",
    ),
    "Node": ("addresses", "conditions", "allocatable", "capacity"),
    "Namespace": ("phase", "conditions"),
    "ServiceCIDR": ("conditions",),
    "EndpointSlice": (),
}


def require(work: Work, kind: Kind, key: NamespacedName) -> Object:
    """Find an object; raises NotFound when there is none."""
    found = work.find(kind.name, key)
    if found is None:
        raise not_found(kind.plural, key.name)
    return found


def create(work: Work, draft: Object) -> Object:
    """Register a new object under a fresh uid.

    Raises Invalid with every violation, AlreadyExists, Exhausted, NotFound or
    Forbidden for the namespace.
    """
    kind = kind_of(draft)
    draft = without_those_of_clusters(work, _named(work, draft))
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
    admitted = _admitted(work, None, replace(draft, metadata=meta))
    if current is not None:
        raise AlreadyExists(f'{kind.plural} "{meta.name}" already exists').about(
            kind.plural, meta.name
        )
    return work.put(admitted)


def put(
    work: Work, draft: Object, preconditions: Preconditions = NO_PRECONDITIONS
) -> tuple[Object, bool]:
    """Replace an object, or create it where its kind allows; says whether it was created.

    The status stays as it is, except that a Pod's registrar may send it along.
    """
    kind, key = kind_of(draft), draft.metadata.key
    current = work.find(kind.name, key)
    preconditions.check(kind, key, current)
    if current is None:
        if kind.name not in CREATED_BY_PUT:
            require(work, kind, key)
        if draft.metadata.resource_version:
            raise conflict(kind, key, "the object that is to be changed is gone")
        return create(work, draft), True
    assert current is not None
    return _replaced(work, current, _with_status_kept(current, draft)), False


def put_status(
    work: Work, draft: Object, preconditions: Preconditions = NO_PRECONDITIONS
) -> Object:
    """Replace only what is observed of an object; raises NotFound and Invalid.

    Labels, annotations and owners that a report does not repeat stay as they are.
    """
    kind, key = kind_of(draft), draft.metadata.key
    current = require(work, kind, key)
    preconditions.check(kind, key, current)
    status = {name: getattr(draft, name) for name in _STATUS_FIELDS[kind.name]}
    sent, held = draft.metadata, current.metadata
    meta = replace(
        sent,
        labels=sent.labels or held.labels,
        annotations=sent.annotations or held.annotations,
        owner_references=sent.owner_references or held.owner_references,
    )
    return _replaced(work, current, replace(current, metadata=meta, **status), only_status=True)


def finalize(work: Work, draft: Object, preconditions: Preconditions = NO_PRECONDITIONS) -> Object:
    """Replace only the ``spec.finalizers`` of a Namespace; raises NotFound and Invalid."""
    kind, key, sent = kind_of(draft), draft.metadata.key, draft.metadata
    current = require(work, kind, key)
    preconditions.check(kind, key, current)
    Preconditions(uid=sent.uid, resource_version=sent.resource_version).check(kind, key, current)
    assert isinstance(current, Namespace)
    assert isinstance(draft, Namespace)
    return namespaces.finalize(work, current, draft)


def with_addresses_kept(work: Work, draft: Object) -> Object:
    """Let a report that names no address of a Pod leave those it has: a probe knows none."""
    current = work.find(POD.name, draft.metadata.key) if isinstance(draft, Pod) else None
    if isinstance(draft, Pod) and isinstance(current, Pod) and not draft.pod_ips:
        return replace(draft, pod_ips=current.pod_ips, host_ip=draft.host_ip or current.host_ip)
    return draft


def delete(
    work: Work,
    kind: Kind,
    key: NamespacedName,
    *,
    preconditions: Preconditions = NO_PRECONDITIONS,
    grace_s: int | None = None,
) -> tuple[Object, bool]:
    """Remove an object, or mark it terminating; says whether it is gone.

    A Pod stays for its grace period, anything with finalizers until they are
    taken off, and a second delete with no grace ends a Pod's at once.
    """
    current = require(work, kind, key)
    preconditions.check(kind, key, current)
    if isinstance(current, Namespace):
        return namespaces.delete(work, current)
    if isinstance(current, ServiceCIDR):
        return service_cidrs.delete(work, current)
    wanted_s = _grace_s(current, grace_s)
    finalizers = lasting_finalizers(current)
    if not finalizers and wanted_s == 0:
        remove(work, current)
        if current.metadata.is_terminating:  # as in Kubernetes, the answer says that none is left
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


def _replaced(work: Work, current: Object, draft: Object, *, only_status: bool = False) -> Object:
    kind, meta = kind_of(current), current.metadata
    draft = without_those_of_clusters(work, draft)
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
    if only_status and isinstance(draft, Service) and isinstance(current, Service):
        admitted: Object = services.observed(current, draft)
    else:
        admitted = _admitted(work, current, draft)
    if _counted_of(admitted) != _counted_of(current):
        carried = replace(admitted.metadata, generation=meta.generation + 1)
        admitted = replace(admitted, metadata=carried)
    # A Pod has its grace period as well, and a Namespace what is in it.
    is_freed = not carried.finalizers and not isinstance(current, Pod | Namespace)
    if meta.is_terminating and is_freed:
        remove(work, current)
        return admitted
    return work.put(admitted)


def _admitted(work: Work, current: Object | None, draft: Object) -> Object:
    """Default, validate and allocate by the rules of the draft's kind."""
    match draft:
        case Service():
            assert current is None or isinstance(current, Service)
            return services.admitted(work, current, draft)
        case Pod():
            assert current is None or isinstance(current, Pod)
            return admitted_pod(work, current, draft)
        case Node():
            assert current is None or isinstance(current, Node)
            return admitted_node(work, current, draft)
        case Namespace():
            assert current is None or isinstance(current, Namespace)
            return namespaces.admitted(work, current, draft)
        case EndpointSlice():
            assert current is None or isinstance(current, EndpointSlice)
            return admitted_slice(work, current, draft)
        case ServiceCIDR():
            assert current is None or isinstance(current, ServiceCIDR)
            return service_cidrs.admitted(current, draft)


def _named(work: Work, draft: Object) -> Object:
    meta, kind = draft.metadata, kind_of(draft)
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
    kind, meta = kind_of(draft), draft.metadata
    if not kind.is_namespaced:
        return
    namespace = work.snapshot.namespaces.get(NamespacedName("", meta.namespace))
    if namespace is None:
        if work.policy.creates_namespaces and label_problems(meta.namespace):
            return  # refused with the draft, whose field it is
        if not work.policy.creates_namespaces:
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
    names = _STATUS_FIELDS[kind_of(current).name]
    if isinstance(draft, Pod) and (draft.pod_ips or draft.phase or draft.conditions):
        return draft  # contract.md: a registrar's PUT is a new registration, status and all
    return replace(draft, **{name: getattr(current, name) for name in names})


def _counted_of(registered: Object) -> Object:
    """Give the object with everything blanked out that its generation does not count."""
    names = _STATUS_FIELDS[kind_of(registered).name]
    blank = dict.fromkeys(names)
    # Slices have no spec: their labels, which say whose they are, count (spec 3.5).
    meta = ObjectMeta()
    if isinstance(registered, EndpointSlice):
        meta = replace(meta, labels=registered.metadata.labels)
    return replace(registered, metadata=meta, **blank)


def _grace_s(current: Object, asked_s: int | None) -> int:
    if not isinstance(current, Pod) or current.is_finished:
        return 0  # what has ended has nothing to drain
    own_s = GRACE_PERIOD_S_DEFAULT if current.grace_period_s is None else current.grace_period_s
    wanted_s = own_s if asked_s is None else asked_s
    # As in Kubernetes, a negative period is the shortest there is.
    return 1 if wanted_s < 0 else min(wanted_s, GRACE_PERIOD_S_MAX)


def _finalizer_added() -> Violation:
    return Violation(
        CauseReason.FORBIDDEN,
        "metadata.finalizers",
        "no new finalizers can be added if the object is being deleted",
    )
