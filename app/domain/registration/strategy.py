"""The rules that differ by kind when objects are created, changed and deleted.

    STRATEGY of a kind: validation, defaults, deletion, effects of a change

``registry.writes.lifecycle`` does the rest, which is the same for all kinds.  The defaults
here are what most kinds do.

Source: style.md 2; docs/decisions/0016; Kubernetes' ``RESTCreateStrategy``.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic

from app.domain.access.subjects import User
from app.domain.changes import Change
from app.domain.errors import Invalid, Violation
from app.domain.names import NamespacedName, subdomain_problems
from app.domain.objects.resource import Object, T
from app.domain.registration.validation.metadata import (
    NameRule,
    metadata_update_violations,
    metadata_violations,
)
from app.domain.resources import resource_of
from app.domain.snapshot import Snapshot
from app.domain.work import Work

Affected = tuple[NamespacedName, NamespacedName | None]
"""A Service whose slices a change may alter, and through which Pod; None means all its Pods."""

Remove = Callable[[Work, Object], None]
"""Removes an object, and releases the addresses and ports that it held."""


def _everybody_may(_state: Snapshot, _user: User, _current: object, _desired: object) -> None:
    pass


@dataclass(frozen=True, kw_only=True)
class Strategy(Generic[T]):
    """The rules of one kind.

    ``rules`` list the violations of ``(current, desired)`` beside those of metadata, after
    ``complete`` filled in the static defaults; ``current`` is None for a new object.  ``warn``
    names what is accepted and probably a mistake.  A kind whose defaults depend on the clock or
    the stored object has ``prepare``; one that allocates has ``admit``, which replaces all of
    these.
    """

    rules: Callable[[T | None, T], Iterable[Violation]]
    name_rule: NameRule = subdomain_problems
    complete: Callable[[T], T] = lambda draft: draft
    warn: Callable[[T | None, T], Iterable[str]] = lambda _current, _desired: ()
    prepare: Callable[[Work, T | None, T], T] | None = None
    admit: Callable[[Work, T | None, T], T] | None = None

    observe: Callable[[T, T], T] | None = None
    """``(current, report) -> object``, for kinds with rules for status reports."""
    complete_report: Callable[[T, T], T] = lambda _, report: report
    """``(current, report) -> report``, with the fields that a report may leave out."""
    sends_status: Callable[[T], bool] = lambda _: False
    """Whether a PUT of the object also replaces the status."""

    is_created_with_status: bool = False
    """Whether a new object keeps the status that it is sent; others begin with none."""
    is_created_by_put: bool = False
    is_returned_when_deleted: bool = False
    holds_lease: bool = False
    """Whether registering an object again renews its lease."""

    grace_s: Callable[[T, int | None], int] | None = None
    """``(current, requested) -> seconds`` that a deleted object stays."""
    delete: Callable[[Work, T, Remove], tuple[T, bool]] | None = None
    """Replaces the usual deletion; returns the object, and whether it is gone."""
    goes_when_freed: bool = True
    """Whether removing the last finalizer of a terminating object is enough to remove it."""
    release: Callable[[Work, T], None] = lambda _work, _gone: None
    """Releases what a removed object held."""
    finish_in_time: Callable[[Work], None] | None = None
    """Removes terminating objects whose time has come; called periodically while there are any."""
    finish_after_write: Callable[[Work], None] | None = None
    """Changes objects that follow from others that a write changes; called in every write."""
    is_prunable: Callable[[T], bool] = lambda _: True

    authorize_write: Callable[[Snapshot, User, T | None, T], None] = _everybody_may
    """``(snapshot, user, current, desired)``: raises DomainError for a change that the user may
    not make although its verb is allowed, such as a grant of rights that the user does not hold.

    Asked once a write is authorised by its verb and decoded, before anything else; ``current``
    is None for a new object.
    """

    affects: Callable[[Snapshot, Change], Iterable[Affected]] = lambda _snapshot, _change: ()
    """The Services whose slices a change of such an object may alter."""
    reach: Callable[[Snapshot, NamespacedName, T | None], int] = lambda _snapshot, _key, _desired: 1
    """Roughly how many objects a write of one may touch, itself included.

    What is to be written is given where it is known before.
    """

    def admitted(self, work: Work, current: T | None, draft: T) -> T:
        """Default, validate and allocate; raises Invalid with every violation, or Exhausted."""
        if self.admit is not None:
            return self.admit(work, current, draft)
        draft = self.prepare(work, current, draft) if self.prepare else self.complete(draft)
        require_valid(draft, self.violations(current, draft))
        work.warnings.extend(self.warn(current, draft))
        return draft

    def violations(self, current: T | None, desired: T) -> tuple[Violation, ...]:
        """List every rule that an object breaks, or a change of one; the metadata's come first."""
        meta = desired.metadata
        if current is None:
            is_namespaced = resource_of(desired).is_namespaced
            found = metadata_violations(meta, self.name_rule, is_namespaced=is_namespaced)
        else:
            found = metadata_update_violations(current.metadata, meta)
        return (*found, *self.rules(current, desired))

    def draft_violations(self, draft: T) -> tuple[Violation, ...]:
        """List every rule that a new object breaks by itself, without regard to other objects."""
        return self.violations(None, self.complete(draft))


def require_valid(registered: Object, violations: Iterable[Violation]) -> None:
    """Raise Invalid with every violation, if there is one."""
    causes = tuple(violations)
    if causes:
        meta = registered.metadata
        raise Invalid(resource_of(registered).name, meta.name or meta.generate_name, causes)
