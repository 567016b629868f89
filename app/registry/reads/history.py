"""Recent changes kept for watches that resume, bounded in number, octets and age.

    committed changes -> History -> the changes after a revision, or Expired

A revision is kept complete or not at all, and the newest always is: a watcher that has
received everything before it never expires, however large it is.
"""

import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain, groupby

from app.domain.changes import Change, octets_of, require_resumable
from app.domain.names import REVISION_ZERO, Revision


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryBounds:
    """Bounds of a history; octets are estimated (``domain.changes``)."""

    changes_max: int = 100_000
    octets_max: int = 64 << 20
    age_s_max: float = 3_600


BOUNDS = HistoryBounds()


@dataclass(frozen=True, slots=True)
class Remembered:
    """One revision: its changes, and an estimate of the octets that they keep in memory."""

    revision: Revision
    changes: tuple[Change, ...]
    octets: int


@dataclass(frozen=True, slots=True)
class _Kept:
    """A revision in the history, with its arrival time.

    ``ordinal`` is the index of its first change among all changes ever added.
    """

    revision: Revision
    whole: Remembered
    at_s: float
    ordinal: int


class History:
    """Recent revisions, in order."""

    def __init__(
        self, bounds: HistoryBounds = BOUNDS, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Keep revisions within ``bounds``; ages are seconds of ``clock``."""
        self._bounds = bounds
        self._clock = clock
        self._revisions: list[_Kept] = []
        self._changes = self._octets = 0
        self._ever = 0  # changes ever added, including dropped ones
        self.compacted = REVISION_ZERO
        """The oldest revision after which all changes are known."""

    def begin(self, revisions: Iterable[Remembered], *, compacted: Revision) -> None:
        """Replace the history by the revisions after ``compacted``."""
        self._revisions.clear()
        self._changes = self._octets = 0
        self.compacted = compacted
        self.extend(revisions)

    def add(self, changes: Iterable[Change]) -> None:
        """Append committed changes, in order, and drop what exceeds the bounds."""
        self.extend(remembered(changes))

    def extend(self, revisions: Iterable[Remembered]) -> None:
        """Append revisions, in order, and drop what exceeds the bounds."""
        now_s = self._clock()
        for whole in revisions:
            self._revisions.append(_Kept(whole.revision, whole, now_s, self._ever))
            self._ever += len(whole.changes)
            self._changes += len(whole.changes)
            self._octets += whole.octets
        self._forget(now_s)

    def after(self, since: Revision, *, changes_max: int | None = None) -> tuple[Change, ...]:
        """List the changes after ``since``, in order; raises Expired when some are gone.

        With ``changes_max`` the list ends with the revision that reaches that number, so that
        reading a few changes of a long history is cheap.
        """
        first = self._first_after(since)
        end = len(self._revisions)
        if changes_max is not None and first < end:
            beyond = self._revisions[first].ordinal + changes_max
            end = bisect_left(self._revisions, beyond, lo=first, key=lambda each: each.ordinal)
        wanted = self._revisions[first:end]
        return tuple(chain.from_iterable([kept.whole.changes for kept in wanted]))

    def count_after(self, since: Revision) -> int:
        """Count the changes after ``since``; raises Expired when some are gone."""
        first = self._first_after(since)
        return self._ever - self._revisions[first].ordinal if first < len(self._revisions) else 0

    def _first_after(self, since: Revision) -> int:
        require_resumable(since, compacted=self.compacted)
        return bisect_right(self._revisions, since, key=lambda each: each.revision)

    def _forget(self, now_s: float) -> None:
        bounds, revisions = self._bounds, self._revisions
        gone = 0
        while gone + 1 < len(revisions) and (
            self._changes > bounds.changes_max
            or self._octets > bounds.octets_max
            or revisions[gone].at_s < now_s - bounds.age_s_max
        ):
            oldest = revisions[gone].whole
            self._changes -= len(oldest.changes)
            self._octets -= oldest.octets
            self.compacted = oldest.revision
            gone += 1
        del revisions[:gone]


def remembered(changes: Iterable[Change]) -> tuple[Remembered, ...]:
    """Group committed changes by revision, and estimate their octets."""
    found: list[Remembered] = []
    for revision, group in groupby(changes, key=lambda change: change.revision):
        whole = tuple(group)
        found.append(Remembered(revision, whole, sum(octets_of(each.before) for each in whole)))
    return tuple(found)
