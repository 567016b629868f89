"""Namespaces: what one must be, and how one goes with everything in it.

Source: spec kubernetes-api 5.10; contract.md, "Objects".
"""

from dataclasses import replace

from app.domain.errors import Forbidden
from app.domain.names import NamespacedName
from app.domain.objects.kinds import KINDS, NAMESPACE
from app.domain.objects.namespace import NAME_LABEL, PERMANENT, Namespace, NamespacePhase
from app.domain.registration import namespaces as rules
from app.domain.registration.finalizers import lasting_finalizers
from app.registry.refusals import require_valid
from app.registry.removal import remove
from app.registry.work import Work

FINALIZER = "kubernetes"


def admitted(current: Namespace | None, draft: Namespace) -> Namespace:
    """Fill in what every Namespace has; raises Invalid."""
    meta = draft.metadata
    labels = {**meta.labels, NAME_LABEL: meta.name}
    phase = current.phase if current is not None else NamespacePhase.ACTIVE
    namespace = replace(
        draft,
        metadata=replace(meta, labels=labels),
        finalizers=draft.finalizers or (FINALIZER,),
        phase=phase,
    )
    violations = (
        rules.validate(namespace) if current is None else rules.validate_update(current, namespace)
    )
    require_valid(namespace, violations)
    return namespace


def delete(work: Work, current: Namespace) -> tuple[Namespace, bool]:
    """Remove a Namespace and all that is in it, in this one write; says whether it is gone.

    What has finalizers is marked, and the Namespace stays Terminating until it goes.
    Raises Forbidden for those that every registry has.
    """
    name = current.metadata.name
    if name in PERMANENT:
        raise Forbidden(
            f'namespaces "{name}" is forbidden: this namespace may not be deleted'
        ).about("namespaces", name)
    for kind in KINDS:
        for key in work.snapshot.keys_in(kind.name, name) if kind.is_namespaced else ():
            held = work.snapshot.of_kind(kind.name)[key]
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
    work.put(terminating)
    return terminating, _finish_if_empty(work, current.metadata.key)


def finish_emptied(work: Work) -> None:
    """Remove the terminating Namespaces in which nothing is left."""
    for key in sorted(work.snapshot.members("terminating", NAMESPACE.name)):
        _finish_if_empty(work, key)


def _finish_if_empty(work: Work, key: NamespacedName) -> bool:
    namespace = work.snapshot.namespaces[key]
    if lasting_finalizers(namespace) or any(
        work.snapshot.members(kind.name, key.name) for kind in KINDS if kind.is_namespaced
    ):
        return False
    work.remove(namespace)
    return True
