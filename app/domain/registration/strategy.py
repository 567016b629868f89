"""What is particular to a kind when its objects come, change and go.

    STRATEGY of a kind: rules, defaults, what a delete does, what a change leads to

``registry.writes.lifecycle`` does the rest, which is the same for all kinds.  Whatever a
kind does not say is what most kinds do.

Source: style.md 2; docs/decisions/0016; Kubernetes' ``RESTCreateStrategy``.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic

from app.domain.changes import Change
from app.domain.errors import Invalid, Violation
from app.domain.names import NamespacedName
from app.domain.objects.resource import Object, T
from app.domain.resources import resource_of
from app.domain.snapshot import Snapshot
from app.domain.work import Work

Affected = tuple[NamespacedName, NamespacedName | None]
"""A Service whose slices a change may alter, and the Pod that does; None for all of them."""

Remove = Callable[[Work, Object], None]
"""Takes an object out, and gives back what it held."""


def _as_it_is(draft: T) -> T:
    return draft


def _nothing(*_: object) -> Iterable[Any]:
    return ()


def _never(*_: object) -> bool:
    return False


def _always(*_: object) -> bool:
    return True


def _one(*_: object) -> int:
    return 1


def _as_reported(_: object, report: T) -> T:
    return report


def _release_nothing(_work: Work, _gone: object) -> None:
    pass


@dataclass(frozen=True, kw_only=True)
class Strategy(Generic[T]):
    """The rules of one kind.

    ``validate`` judges a new object by itself, after ``complete`` filled in its static defaults;
    ``validate_update`` a change of ``(current, desired)``; ``warn`` names what is accepted and
    probably not meant.  A kind that needs more than these (the clock, what else there is)
    brings ``admit``: ``(work, current or None, draft) -> object to be stored``.
    """

    validate: Callable[[T], Iterable[Violation]]
    validate_update: Callable[[T, T], Iterable[Violation]]
    complete: Callable[[T], T] = _as_it_is
    warn: Callable[[T | None, T], Iterable[str]] = _nothing
    admit: Callable[[Work, T | None, T], T] | None = None

    observe: Callable[[T, T], T] | None = None
    """``(current, report) -> object`` where a report of the status has rules of its own."""
    complete_report: Callable[[T, T], T] = _as_reported
    """``(current, report) -> report`` with what it need not repeat."""
    sends_status: Callable[[T], bool] = _never
    """Whether a PUT of the object replaces the status, too."""

    is_created_with_status: bool = False
    """Whether a new object keeps the status that it is sent; others begin with none."""
    is_created_by_put: bool = False
    is_returned_when_deleted: bool = False
    holds_lease: bool = False
    """Whether registering an object again renews its lease."""

    grace_s: Callable[[T, int | None], int] | None = None
    """``(current, asked for) -> seconds`` that a deleted object stays."""
    delete: Callable[[Work, T, Remove], tuple[T, bool]] | None = None
    """Deletes in its own way; says whether the object is gone."""
    goes_when_freed: bool = True
    """Whether a terminating object goes with its last finalizer, whatever else there is."""
    release: Callable[[Work, T], None] = _release_nothing
    """Gives back what an object held that is gone."""
    finish_in_time: Callable[[Work], None] | None = None
    """Takes out terminating objects that time sets free, asked while there are any."""
    finish_after_write: Callable[[Work], None] | None = None
    """Takes out terminating objects that a write of others sets free, asked in every write."""
    is_prunable: Callable[[T], bool] = _always

    affects: Callable[[Snapshot, Change], Iterable[Affected]] = _nothing
    """Which Services' slices a change of such an object may alter."""
    reach: Callable[[Snapshot, NamespacedName], int] = _one
    """About how many objects a write of one may touch, itself included."""

    def admitted(self, work: Work, current: T | None, draft: T) -> T:
        """Default, validate and allocate; raises Invalid with every violation, or Exhausted."""
        if self.admit is not None:
            return self.admit(work, current, draft)
        draft = self.complete(draft)
        require_valid(
            draft,
            self.validate(draft) if current is None else self.validate_update(current, draft),
        )
        work.warnings.extend(self.warn(current, draft))
        return draft

    def draft_violations(self, draft: T) -> tuple[Violation, ...]:
        """List every rule that a new object breaks by itself, whatever else there is."""
        return tuple(self.validate(self.complete(draft)))


def require_valid(registered: Object, violations: Iterable[Violation]) -> None:
    """Raise Invalid with every violation, if there is one."""
    causes = tuple(violations)
    if causes:
        meta = registered.metadata
        raise Invalid(resource_of(registered).name, meta.name or meta.generate_name, causes)
