"""Apply: many objects in one write, all or none, as ``kubectl apply`` does.

    items in any order -> written in dependency order -> one outcome each, in their order

An item merges itself into the current object (``amend``); the refusals of all items are
collected and reported together.

Source: contract.md, "POST /apply".
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.domain.errors import CauseReason, DomainError, Invalid, Violation
from app.domain.labels import Selector
from app.domain.names import NamespacedName
from app.domain.objects.endpoint_slice import ENDPOINT_SLICE
from app.domain.objects.endpoints import ENDPOINTS
from app.domain.objects.resource import AnyResource, Object
from app.domain.registration.strategies import strategy_of
from app.domain.resources import APPLIED
from app.domain.work import Work
from app.registry.writes import lifecycle
from app.registry.writes.mirroring import Mirror, reflect, slices_mirrored_for


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

    Raises Invalid with the violations of all items, each path prefixed by
    ``documents[position]``, and with those already in ``refused``, by position.
    """
    ranks = {kind.name: rank for rank, kind in enumerate(APPLIED)}
    outcomes: list[Outcome] = []
    violations = list(refused)
    for item in sorted(items, key=lambda item: (ranks[item.kind.name], item.position)):
        try:
            outcomes.append(_written(work, item))
        except DomainError as refusal:
            violations.extend((item.position, cause) for cause in causes_of(item, refusal))
    for mirror in mirrors:
        try:
            outcomes.append(_mirrored(work, mirror))
        except DomainError as refusal:
            violations.extend((mirror.position, cause) for cause in causes_of(mirror, refusal))
    if violations:
        raise Invalid("Apply", "", _in_order(violations))
    outcomes.sort(key=lambda outcome: outcome.position or 0)
    if prune is not None:
        outcomes.extend(_pruned(work, prune, {*_named(work, items, mirrors)}))
    return tuple(outcomes)


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
            lifecycle.delete(work, kind, key)
            yield Outcome(position=None, kind=kind, key=key, operation=Operation.DELETED)


def _is_prunable(found: Object, selector: Selector) -> bool:
    """Whether pruning may delete an object."""
    return (
        strategy_of(found).is_prunable(found)
        and not found.metadata.is_terminating
        and selector.matches(found.metadata.labels)
    )
