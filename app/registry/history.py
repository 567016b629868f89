"""The changes that a process remembers for those who resume: bounded in number, octets and age.

    committed changes -> History -> the changes after a revision, or Expired

A revision is kept whole or not at all, and the newest always is: whoever has been told
everything up to the one before is never too late, however large it is.
"""

import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain, groupby

from app.domain.changes import Change, require_resumable
from app.domain.names import REVISION_ZERO, Revision
from app.domain.objects.endpoint_slice import EndpointSlice
from app.domain.objects.kinds import Object

OBJECT_OCTETS = 1_500  # about what an object takes beside what is counted
ENDPOINT_OCTETS = 400  # about what an endpoint of a slice takes


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryBounds:
    """How much is remembered; octets are estimated from what makes objects large."""

    changes_max: int = 100_000
    octets_max: int = 64 << 20
    age_s_max: float = 3_600


BOUNDS = HistoryBounds()


@dataclass(frozen=True, slots=True)
class _Remembered:
    """One revision: its changes, about how much they keep alive, and when they came.

    ``ordinal`` is that of its first change among all that were ever remembered.
    """

    revision: Revision
    changes: tuple[Change, ...]
    octets: int
    at_s: float
    ordinal: int


class History:
    """What happened lately, revision by revision."""

    def __init__(
        self, bounds: HistoryBounds = BOUNDS, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Remember within ``bounds``; ages are seconds of ``clock``."""
        self._bounds = bounds
        self._clock = clock
        self._revisions: list[_Remembered] = []
        self._changes = self._octets = 0
        self._ever = 0  # changes, those that are forgotten among them
        self.compacted = REVISION_ZERO
        """The oldest revision from which changes can still be told."""

    def begin(self, changes: Iterable[Change], *, compacted: Revision) -> None:
        """Start over with the changes after ``compacted``."""
        self._revisions.clear()
        self._changes = self._octets = 0
        self.compacted = compacted
        self.add(changes)

    def add(self, changes: Iterable[Change]) -> None:
        """Remember what was committed, in order, and forget what is beyond the bounds."""
        now_s = self._clock()
        for revision, group in groupby(changes, key=lambda change: change.revision):
            whole = tuple(group)
            octets = sum(octets_of(change.before) for change in whole)
            self._revisions.append(_Remembered(revision, whole, octets, now_s, self._ever))
            self._ever += len(whole)
            self._changes += len(whole)
            self._octets += octets
        self._forget(now_s)

    def after(self, since: Revision, *, changes_max: int | None = None) -> tuple[Change, ...]:
        """List the changes after ``since``, in order; raises Expired when some are gone.

        With ``changes_max`` it ends with the revision in which there are so many, so that
        looking at a few costs no more than those.
        """
        first = self._first_after(since)
        end = len(self._revisions)
        if changes_max is not None and first < end:
            beyond = self._revisions[first].ordinal + changes_max
            end = bisect_left(self._revisions, beyond, lo=first, key=lambda each: each.ordinal)
        wanted = self._revisions[first:end]
        return tuple(chain.from_iterable([remembered.changes for remembered in wanted]))

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
            self._changes -= len(revisions[gone].changes)
            self._octets -= revisions[gone].octets
            self.compacted = revisions[gone].revision
            gone += 1
        del revisions[:gone]


def octets_of(replaced: Object | None) -> int:
    """Estimate what keeping an object takes that has been replaced or removed since."""
    if replaced is None:
        return 0
    meta = replaced.metadata
    texts = sum(len(key) + len(value) for key, value in meta.annotations.items())
    texts += sum(len(key) + len(value) for key, value in meta.labels.items())
    endpoints = len(replaced.endpoints) if isinstance(replaced, EndpointSlice) else 0
    return OBJECT_OCTETS + texts + endpoints * ENDPOINT_OCTETS
