"""The changes that a process remembers for those who resume: bounded in number, octets and age.

    committed changes -> History -> the changes after a revision, or Expired

A revision is kept whole or not at all, and the newest always is: whoever has been told
everything up to the one before is never too late, however large it is.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby

from app.domain.changes import Change, require_resumable
from app.domain.names import REVISION_ZERO, Revision
from app.registry.weights import octets_of


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryBounds:
    """How much is remembered; octets are estimated from what makes objects large."""

    changes_max: int = 100_000
    octets_max: int = 64 << 20
    age_s_max: float = 3_600


BOUNDS = HistoryBounds()


@dataclass(frozen=True, slots=True)
class Remembered:
    """One revision: its changes, and about how many octets they keep alive."""

    revision: Revision
    changes: tuple[Change, ...]
    octets: int


class History:
    """What happened lately, revision by revision."""

    def __init__(
        self, bounds: HistoryBounds = BOUNDS, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Remember within ``bounds``; ages are seconds of ``clock``."""
        self._bounds = bounds
        self._clock = clock
        self._revisions: deque[Remembered] = deque()
        self._came_s: deque[float] = deque()  # when each of them did
        self._changes = self._octets = 0
        self.compacted = REVISION_ZERO
        """The oldest revision from which changes can still be told."""

    def begin(self, changes: Iterable[Change], *, compacted: Revision) -> None:
        """Start over with the changes after ``compacted``."""
        self._revisions.clear()
        self._came_s.clear()
        self._changes = self._octets = 0
        self.compacted = compacted
        self.add(changes)

    def add(self, changes: Iterable[Change]) -> None:
        """Remember what was committed, in order, and forget what is beyond the bounds."""
        self.extend(remembered(changes))

    def extend(self, revisions: Iterable[Remembered]) -> None:
        """Remember revisions, in order, and forget what is beyond the bounds."""
        now_s = self._clock()
        for whole in revisions:
            self._revisions.append(whole)
            self._came_s.append(now_s)
            self._changes += len(whole.changes)
            self._octets += whole.octets
        self._forget(now_s)

    def after(self, since: Revision) -> tuple[Change, ...]:
        """List the changes after ``since``, in order; raises Expired when some are gone."""
        require_resumable(since, compacted=self.compacted)
        wanted: list[tuple[Change, ...]] = []
        for whole in reversed(self._revisions):
            if whole.revision <= since:
                break
            wanted.append(whole.changes)
        return tuple(change for changes in reversed(wanted) for change in changes)

    def _forget(self, now_s: float) -> None:
        bounds, revisions = self._bounds, self._revisions
        while len(revisions) > 1 and (
            self._changes > bounds.changes_max
            or self._octets > bounds.octets_max
            or self._came_s[0] < now_s - bounds.age_s_max
        ):
            oldest = revisions.popleft()
            self._came_s.popleft()
            self._changes -= len(oldest.changes)
            self._octets -= oldest.octets
            self.compacted = oldest.revision


def remembered(changes: Iterable[Change]) -> tuple[Remembered, ...]:
    """Weigh what was committed, revision by revision."""
    found: list[Remembered] = []
    for revision, group in groupby(changes, key=lambda change: change.revision):
        whole = tuple(group)
        found.append(Remembered(revision, whole, sum(octets_of(each.before) for each in whole)))
    return tuple(found)
