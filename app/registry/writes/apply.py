"""Apply: many objects in one write, all or none, as ``kubectl apply`` does.

    items in any order -> written in dependency order -> one outcome each, in their order

An item merges itself into the current object (``amend``); the refusals of all items are
collected and reported together.

Source: contract.md, "POST /apply".
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.domain.errors import CauseReason, DomainError, Forbidden, Invalid, NotFound, Violation
from app.domain.labels import Selector
from app.domain.names import NamespacedName
from app.domain.objects.endpoint_slice import ENDPOINT_SLICE
from app.domain.objects.endpoints import ENDPOINTS
from app.domain.objects.namespace import NAMESPACE
from app.domain.objects.resource import AnyResource, Object
from app.domain.registration.strategies import strategy_of
from app.domain.resources import APPLIED
from app.domain.work import Work
from app.registry.writes import lifecycle
from app.registry.writes.mirroring import Mirror, reflect, slices_mirrored_for
from app.registry.writes.rights import require_right


class Operation(StrEnum):
    """Result for one object."""

    CREATED = "created"
    CONFIGURED = "configured"
    UNCHANGED = "unchanged"
    DELETED = "deleted"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One object of the body: ``position`` is its index there, from 0.

    ``amend`` makes the desired object from the current one (None when there is none); it may
    refuse, and returns the same object when nothing changes.
    ``place`` translates a path of the desired object into a path of the document.
    """

    position: int
    kind: AnyResource
    key: NamespacedName
    amend: Callable[[Object | None], Object]
    place: Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Result for one object, its warnings, and why it was ignored if it was.

    ``position`` is None for pruned objects.
    """

    position: int | None
    kind: AnyResource
    key: NamespacedName
    operation: Operation
    warnings: tuple[str, ...] = ()
    message: str = ""


def apply(
    work: Work,
    items: Sequence[Item],
    *,
    mirrors: Sequence[Mirror] = (),
    prune: Selector | None = None,
    refused: Sequence[tuple[int, Violation]] = (),
) -> tuple[Outcome, ...]:
    """Write items, then mirrors; delete objects that match ``prune`` and are in neither.

    Raises Forbidden with every item that the user may not write; NotFound if nothing but their
    Namespace is missing; else Invalid with the violations of all items, each path prefixed by
    ``documents[position]``, and with those already in ``refused``, by position.
    """
    _require_rights(work, items, mirrors)
    ranks = {kind.name: rank for rank, kind in enumerate(APPLIED)}
    ordered = sorted(items, key=lambda item: (ranks[item.kind.name], item.position))
    outcomes: list[Outcome] = []
    invalid: list[tuple[Item | Mirror, DomainError]] = []
    denied: list[tuple[int, DomainError]] = []
    for document in (*ordered, *mirrors):
        try:
            outcomes.append(_outcome(work, document))
        except NotAuthorized as refusal:
            denied.append((document.position, refusal.refusal))
        except DomainError as refusal:
            invalid.append((document, refusal))
    if denied:
        raise _denied(denied)
    if invalid or refused:
        raise _invalid(invalid, refused)
    outcomes.sort(key=lambda outcome: outcome.position or 0)
    if prune is not None:
        outcomes.extend(_pruned(work, prune, {*_named(work, items, mirrors)}))
    return tuple(outcomes)


def _outcome(work: Work, document: Item | Mirror) -> Outcome:
    return _written(work, document) if isinstance(document, Item) else _mirrored(work, document)


class NotAuthorized(Exception):
    """A write that the user may not make; ``refusal`` says why."""

    def __init__(self, refusal: DomainError) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def _authorize(work: Work, current: Object | None, desired: Object) -> None:
    try:
        strategy_of(desired).authorize_write(work.snapshot, work.user, current, desired)
    except DomainError as refusal:
        raise NotAuthorized(refusal) from None


def _require_rights(work: Work, items: Iterable[Item], mirrors: Iterable[Mirror]) -> None:
    """Raise Forbidden, before anything is written, with every document that may not be.

    An unchanged object needs the right to patch it, too: else the answer would tell what it is.
    """
    if work.user.is_master:
        return
    denied: list[tuple[int, DomainError]] = []
    asked = [(item.position, item.kind, item.key, _is_there(work, item)) for item in items]
    for mirror in mirrors:
        is_there = any(slices_mirrored_for(work.snapshot, mirror.key))
        asked.append((mirror.position, ENDPOINT_SLICE, mirror.key, is_there))
    for position, kind, key, is_there in asked:
        verb, name = ("patch", key.name) if is_there else ("create", "")
        scope = key.name if kind is NAMESPACE and is_there else key.namespace
        try:
            require_right(work, verb, kind, scope, name)
        except DomainError as refusal:
            denied.append((position, refusal))
    if denied:
        raise _denied(denied)


def _is_there(work: Work, item: Item) -> bool:
    return work.find(item.kind.name, item.key) is not None


def _denied(denied: Sequence[tuple[int, DomainError]]) -> DomainError:
    """Join the refusals of documents; a single one keeps its words and details.

    A binding of a role that is not there is not found, as when it is written alone.
    """
    ordered = sorted(denied, key=lambda entry: entry[0])
    first = ordered[0][1]
    causes = tuple(
        Violation(CauseReason.FORBIDDEN, f"documents[{position}]", refusal.message)
        for position, refusal in ordered
    )
    if len(ordered) == 1:
        alone = type(first)(first.message, causes=causes)
        return alone.about(first.kind, first.name, group=first.group)
    sentence = first.message.partition(" is forbidden: ")[2] or first.message
    return Forbidden(f"apply is forbidden: {sentence}", causes=causes)


def _invalid(
    refusals: Sequence[tuple[Item | Mirror, DomainError]], known: Sequence[tuple[int, Violation]]
) -> DomainError:
    """Join what is wrong with documents: where only their Namespaces are missing, not found."""
    violations = list(known)
    for document, refusal in refusals:
        violations.extend((document.position, cause) for cause in causes_of(document, refusal))
    causes = tuple(_in_order(violations))
    missing = [
        (document.position, refusal)
        for document, refusal in refusals
        if isinstance(refusal, NotFound)
    ]
    if len(missing) < len(violations):
        return Invalid("Apply", "", causes)
    first = min(missing, key=lambda entry: entry[0])[1]
    return NotFound(first.message, causes=causes).about(first.kind, first.name)


def causes_of(item: Item | Mirror, refusal: DomainError) -> Iterable[Violation]:
    """Translate a refusal into violations of the item's document."""
    document = f"documents[{item.position}]"
    if refusal.causes:
        return [
            Violation(cause.reason, f"{document}.{item.place(cause.field)}", cause.message)
            for cause in refusal.causes
        ]
    return [Violation(CauseReason.INVALID, document, refusal.message)]


def _in_order(violations: Iterable[tuple[int, Violation]]) -> Iterable[Violation]:
    """Sort by document; a field is reported as missing only once."""
    missing: set[str] = set()
    for _, violation in sorted(violations, key=lambda entry: entry[0]):
        if violation.reason is CauseReason.REQUIRED:
            if violation.field in missing:
                continue
            missing.add(violation.field)
        yield violation


def _written(work: Work, item: Item) -> Outcome:
    current = work.find(item.kind.name, item.key)
    warned = len(work.warnings)
    desired = item.amend(current)
    _authorize(work, current, desired)
    if current is None:
        lifecycle.create(work, desired)
        operation = Operation.CREATED
    elif desired is current or lifecycle.put(work, desired)[0] is current:
        operation = Operation.UNCHANGED
    else:
        operation = Operation.CONFIGURED
    return Outcome(
        position=item.position,
        kind=item.kind,
        key=item.key,
        operation=operation,
        warnings=tuple(work.warnings[warned:]),
    )


def _mirrored(work: Work, mirror: Mirror) -> Outcome:
    warned = len(work.warnings)
    seen = reflect(work, mirror)
    if seen.refusal:
        operation = Operation.IGNORED
    elif seen.before == seen.after:
        operation = Operation.UNCHANGED
    else:
        operation = Operation.CONFIGURED if seen.before else Operation.CREATED
    return Outcome(
        position=mirror.position,
        kind=ENDPOINTS,
        key=mirror.key,
        operation=operation,
        warnings=tuple(work.warnings[warned:]),
        message=seen.refusal,
    )


def _named(
    work: Work, items: Iterable[Item], mirrors: Iterable[Mirror]
) -> Iterator[tuple[str, NamespacedName]]:
    for item in items:
        yield item.kind.name, item.key
    for mirror in mirrors:
        for slice_ in slices_mirrored_for(work.snapshot, mirror.key):
            yield ENDPOINT_SLICE.name, slice_.metadata.key


def _pruned(
    work: Work, selector: Selector, named: set[tuple[str, NamespacedName]]
) -> Iterable[Outcome]:
    for kind in reversed(APPLIED):
        for key in sorted(work.snapshot.of(kind)):
            found = work.find(kind.name, key)
            if found is None or (kind.name, key) in named or not _is_prunable(found, selector):
                continue
            require_right(work, "delete", kind, key.namespace, key.name)
            lifecycle.delete(work, kind, key)
            yield Outcome(position=None, kind=kind, key=key, operation=Operation.DELETED)


def _is_prunable(found: Object, selector: Selector) -> bool:
    """Whether pruning may delete an object."""
    return (
        strategy_of(found).is_prunable(found)
        and not found.metadata.is_terminating
        and selector.matches(found.metadata.labels)
    )
