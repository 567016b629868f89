"""Derived kinds: objects computed from other objects, neither written by clients nor stored.

    DERIVATION of a kind: all keys, the object at a key, the keys that a change may affect
    changes of stored objects -> the same changes, followed by those of derived objects

A derived object is in the snapshot like any other, so that lists, watches and past revisions
treat it alike.  It bears the revision of the change that it was derived from; one that is older
than the history bears the revision at which it was loaded: two states never share a revision.

Source: style.md 2; docs/decisions/0016.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Generic

from app.domain.changes import Change
from app.domain.copies import replace
from app.domain.names import REVISION_ZERO, NamespacedName, Revision
from app.domain.objects.resource import Object, Resource, T
from app.domain.snapshot import Snapshot


@dataclass(frozen=True, kw_only=True)
class Derivation(Generic[T]):
    """How the objects of one kind are computed from a snapshot.

    ``derive`` returns None where there is no object; ``touched`` lists the keys whose object a
    change may alter, and is called with the snapshots before and after it.
    """

    resource: Resource[T]
    keys: Callable[[Snapshot], Iterable[NamespacedName]]
    derive: Callable[[Snapshot, NamespacedName], T | None]
    touched: Callable[[Snapshot, Change], Iterable[NamespacedName]]


AnyDerivation = Derivation[Any]


def with_derived(snapshot: Snapshot, derivations: Iterable[AnyDerivation]) -> Snapshot:
    """Add every derived object to a snapshot of stored ones, at its revision."""
    return snapshot.apply(
        Change(revision=snapshot.revision, before=None, after=_versioned(found, snapshot.revision))
        for each in derivations
        for key in sorted(each.keys(snapshot))
        if (found := each.derive(snapshot, key)) is not None
    )


def followed(
    before: Snapshot,
    changes: Iterable[Change],
    derivations: Sequence[AnyDerivation],
    *,
    decided: Snapshot | None = None,
) -> tuple[Snapshot, tuple[Change, ...]]:
    """Apply changes of stored objects and of what is derived from them, revision by revision.

    ``decided`` is the snapshot after all of them, if the caller knows it.
    """
    every: list[Change] = []
    for _, group in groupby(changes, key=lambda change: change.revision):
        stored = tuple(group)
        is_whole = decided is not None and not every and decided.revision == stored[0].revision
        after = decided if decided is not None and is_whole else before.apply(stored)
        derived = tuple(
            replace(each, after=_versioned(each.after, each.revision))
            for each in _derived(before, after, stored, derivations)
        )
        every += stored + derived
        before = after.apply(derived)
    return before, tuple(every)


def loaded_with_derived(
    stored: Snapshot, history: Sequence[Change], derivations: Sequence[AnyDerivation]
) -> tuple[Snapshot, tuple[Change, ...]]:
    """Add derived objects to a snapshot of stored ones, and to the changes that led to it.

    Changes of derived objects are found backwards: each revision is undone, and the derived
    objects are computed anew from the state before it.
    """
    if not derivations:
        return stored, tuple(history)
    snapshot = with_derived(stored, derivations)
    groups: list[tuple[Change, ...]] = []
    after = snapshot
    for _, group in groupby(reversed(history), key=lambda change: change.revision):
        changes = tuple(group)[::-1]
        before = _undone(after, changes)
        derived = tuple(_reversed(each) for each in _derived(after, before, changes, derivations))
        groups.append(changes + derived)
        after = _undone(before, derived)
    kinds = {each.resource.name for each in derivations}
    every = tuple(_in_order((change for group in reversed(groups) for change in group), kinds))
    last = {(each.kind, each.key): each.after for each in every if each.kind in kinds}
    exact = (
        Change(revision=stored.revision, before=snapshot.objects[kind][key], after=after)
        for (kind, key), after in last.items()
        if after is not None
    )
    return snapshot.apply(exact), every


def with_known_derived(
    known: Snapshot, loaded: Snapshot, derivations: Iterable[AnyDerivation]
) -> Snapshot:
    """Give derived objects that have not changed the revisions that they had in ``known``."""
    return loaded.apply(
        Change(revision=loaded.revision, before=found, after=held)
        for each in derivations
        for key, found in loaded.of(each.resource).items()
        if (held := known.of(each.resource).get(key)) is not None
        and held != found
        and _versioned(held, REVISION_ZERO) == _versioned(found, REVISION_ZERO)
    )


def _in_order(changes: Iterable[Change], derived: Container[str]) -> Iterator[Change]:
    """Give each derived object the revision of the change that produced it."""
    known: dict[tuple[str, NamespacedName], Object | None] = {}
    for change in changes:
        key = (change.kind, change.key)
        before = known.get(key, change.before)
        after = change.after
        if change.kind in derived:
            after = known[key] = _versioned(after, change.revision)
        yield replace(change, before=before, after=after)


def _undone(after: Snapshot, changes: Sequence[Change]) -> Snapshot:
    return after.apply(_reversed(change) for change in reversed(changes))


def _reversed(change: Change) -> Change:
    return replace(change, before=change.after, after=change.before)


def _derived(
    before: Snapshot,
    after: Snapshot,
    changes: Sequence[Change],
    derivations: Iterable[AnyDerivation],
) -> Iterator[Change]:
    """List the changes of derived objects between two snapshots."""
    for each in derivations:
        current = before.of(each.resource)
        touched = {
            key
            for side in (before, after)
            for change in changes
            for key in each.touched(side, change)
        }
        for key in sorted(touched):
            old, new = current.get(key), each.derive(after, key)
            if _versioned(old, REVISION_ZERO) != _versioned(new, REVISION_ZERO):
                yield Change(revision=after.revision, before=old, after=new)


def _versioned(found: Object | None, revision: Revision) -> Object | None:
    if found is None:
        return None
    return replace(found, metadata=replace(found.metadata, revision=revision))
