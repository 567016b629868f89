"""Namespaces: what one must be, and how one goes with everything in it.

Source: spec kubernetes-api 5.10; contract.md, "Objects".
"""

from dataclasses import replace

from app.domain.errors import Forbidden
from app.domain.names import NamespacedName
from app.domain.objects.kinds import KINDS, NAMESPACE
from app.domain.objects.namespace import NAME_LABEL, PERMANENT, Namespace, NamespacePhase
from app.domain.registration import namespaces as rules
from app.domain.registration.finalizers import is_of_cluster, lasting_finalizers
from app.registry.admission import require_valid
from app.registry.finalizers import dropped_line
from app.registry.removal import remove
from app.registry.work import Work

FINALIZER = "kubernetes"


def admitted(work: Work, current: Namespace | None, draft: Namespace) -> Namespace:
    """Fill in what every Namespace has; raises Invalid.

    As in Kubernetes, ``spec.finalizers`` count when it is made; only ``finalize`` changes them.
    """
    meta = draft.metadata
    labels = {**meta.labels, NAME_LABEL: meta.name}
    phase = current.phase if current is not None else NamespacePhase.ACTIVE
    finalizers = _first_finalizers(work, draft) if current is None else current.finalizers
    namespace = replace(
        draft, metadata=replace(meta, labels=labels), finalizers=finalizers, phase=phase
    )
    violations = (
        rules.validate(namespace) if current is None else rules.validate_update(current, namespace)
    )
    require_valid(namespace, violations)
    return namespace


def _first_finalizers(work: Work, draft: Namespace) -> tuple[str, ...]:
    sent = tuple(name for name in draft.finalizers if name != FINALIZER)
    dropped = [name for name in sent if is_of_cluster(name)]
    if dropped:
        work.warnings.append(f"spec.finalizers: {dropped_line(dropped)}")
    return (*(name for name in sent if name not in dropped), FINALIZER)


def finalize(work: Work, current: Namespace, draft: Namespace) -> Namespace:
    """Take over ``spec.finalizers`` and nothing else; raises Invalid.

    A terminating Namespace goes with its last one, but not before what it holds.
    """
    wanted = tuple(n for n in draft.finalizers if n == FINALIZER or not is_of_cluster(n))
    finalized = replace(current, finalizers=wanted)
    require_valid(finalized, rules.validate_update(current, finalized))
    stored = work.put(finalized)
    assert isinstance(stored, Namespace)
    if stored.metadata.is_terminating:
        _finish_if_empty(work, stored.metadata.key)
    return stored


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
    """Remove a Namespace once nothing is left in it, and nobody else holds it."""
    namespace = work.snapshot.namespaces[key]
    if any(work.snapshot.members(kind.name, key.name) for kind in KINDS if kind.is_namespaced):
        return False
    # The registry's own part is done; those of users stay until they take them off.
    own = tuple(name for name in namespace.finalizers if not is_of_cluster(name))
    if own or lasting_finalizers(namespace):
        work.put(replace(namespace, finalizers=own))
        return False
    work.remove(namespace)
    return True
