"""Namespaces: the rules for one, and its deletion together with its content.

    delete -> terminating, with its content -> removed once it is empty

Source: spec kubernetes-api 1.4 and 5.10; contract.md, "Objects".
"""

from collections.abc import Iterable

from app.domain.copies import replace
from app.domain.errors import Forbidden, Violation
from app.domain.labels import key_problems
from app.domain.names import NamespacedName, label_problems
from app.domain.objects.namespace import NAME_LABEL, NAMESPACE, PERMANENT, Namespace, NamespacePhase
from app.domain.objects.resource import Object
from app.domain.registration.finalizers import dropped_line, is_of_cluster, lasting_finalizers
from app.domain.registration.strategy import Remove, Strategy, require_valid
from app.domain.resources import STORED
from app.domain.snapshot import Snapshot
from app.domain.violations import each_invalid
from app.domain.work import Work

FINALIZER = "kubernetes"


def _prepare(work: Work, current: Namespace | None, draft: Namespace) -> Namespace:
    """Fill in the label, phase and finalizer that every Namespace has.

    As in Kubernetes, ``spec.finalizers`` are set on creation; later only ``finalized`` changes
    them.
    """
    meta = draft.metadata
    labels = {**meta.labels, NAME_LABEL: meta.name}
    phase = current.phase if current is not None else NamespacePhase.ACTIVE
    finalizers = _first_finalizers(work, draft) if current is None else current.finalizers
    return replace(draft, metadata=replace(meta, labels=labels), finalizers=finalizers, phase=phase)


def _first_finalizers(work: Work, draft: Namespace) -> tuple[str, ...]:
    sent = tuple(name for name in draft.finalizers if name != FINALIZER)
    dropped = [name for name in sent if is_of_cluster(name)]
    if dropped:
        work.warnings.append(f"spec.finalizers: {dropped_line(dropped)}")
    return (*(name for name in sent if name not in dropped), FINALIZER)


def finalized(work: Work, current: Namespace, draft: Namespace) -> Namespace:
    """Replace ``spec.finalizers`` and nothing else; raises Invalid.

    A terminating Namespace is removed with its last finalizer, once it is empty.
    """
    wanted = tuple(n for n in draft.finalizers if n == FINALIZER or not is_of_cluster(n))
    desired = replace(current, finalizers=wanted)
    require_valid(desired, STRATEGY.violations(current, desired))
    stored = work.put(desired)
    assert isinstance(stored, Namespace)
    if stored.metadata.is_terminating:
        _finish_if_empty(work, stored.metadata.key)
    return stored


def _delete(work: Work, current: Namespace, remove: Remove) -> tuple[Namespace, bool]:
    """Remove a Namespace and its content in this one write; says whether it is gone.

    Objects with finalizers are marked, and the Namespace stays Terminating until they are gone.
    Raises Forbidden for the Namespaces that every registry has.
    """
    name = current.metadata.name
    if name in PERMANENT:
        raise Forbidden(
            f'namespaces "{name}" is forbidden: this namespace may not be deleted'
        ).about("namespaces", name)
    for resource in STORED:
        for key in work.snapshot.keys_in(resource.name, name) if resource.is_namespaced else ():
            held: Object = work.snapshot.of(resource)[key]
            finalizers = lasting_finalizers(held)
            if not finalizers:
                remove(work, held)
            elif not held.metadata.is_terminating:
                meta = replace(
                    held.metadata,
                    deleted_at=work.now,
                    deletion_grace_s=0,
                    finalizers=finalizers,
                )
                work.put(replace(held, metadata=meta))
    meta = replace(current.metadata, deleted_at=current.metadata.deleted_at or work.now)
    terminating = replace(current, metadata=meta, phase=NamespacePhase.TERMINATING)
    stored = work.put(terminating)
    assert isinstance(stored, Namespace)
    return stored, _finish_if_empty(work, current.metadata.key)


def _finish_emptied(work: Work) -> None:
    """Remove the terminating Namespaces that are empty."""
    for key in sorted(work.snapshot.members("terminating", NAMESPACE.name)):
        _finish_if_empty(work, key)


def _finish_if_empty(work: Work, key: NamespacedName) -> bool:
    """Remove a Namespace that is empty and has no finalizers of users."""
    namespace = work.snapshot.namespaces[key]
    if any(work.snapshot.members(each.name, key.name) for each in STORED if each.is_namespaced):
        return False
    # The registry's own finalizer is done with; those of users stay until a user removes them.
    own = tuple(name for name in namespace.finalizers if not is_of_cluster(name))
    if own or lasting_finalizers(namespace):
        work.put(replace(namespace, finalizers=own))
        return False
    work.remove(namespace)
    return True


def _rules(_: Namespace | None, namespace: Namespace) -> Iterable[Violation]:
    for finalizer in namespace.finalizers:
        yield from each_invalid("spec.finalizers", finalizer, key_problems(finalizer))


def _reach(snapshot: Snapshot, key: NamespacedName, _: Namespace | None) -> int:
    """Count its content, which is deleted with it."""
    return 1 + sum(len(snapshot.members(each.name, key.name)) for each in STORED)


STRATEGY: Strategy[Namespace] = Strategy(
    rules=_rules,
    name_rule=label_problems,
    is_created_with_status=True,
    prepare=_prepare,
    is_returned_when_deleted=True,
    delete=_delete,
    goes_when_freed=False,  # its content must be gone first
    finish_after_write=_finish_emptied,
    is_prunable=lambda namespace: namespace.metadata.name not in PERMANENT,
    reach=_reach,
)
