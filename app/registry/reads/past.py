"""Snapshots of earlier revisions, so that all pages of a list show one revision.

    Snapshot, from which a page was given -> kept
    revision -> Snapshot, kept or rewound; or Expired

A kept snapshot shares with the current one everything that has not changed since.  It alone
keeps in memory the replaced objects, which the history holds and counts as well, since no
snapshot is kept that is older than the history; and tree nodes: about 1 kB for each changed
object, 8 kB for each created or deleted one.  So kept snapshots are bounded by the changes
since, not only by their number.  Rewound snapshots share only what is current, so fewer of
them are kept.

Source: spec kubernetes-api 5.3.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice

from app.domain.bounded import Bounded
from app.domain.changes import Change
from app.domain.errors import Expired
from app.domain.names import NamespacedName, Revision
from app.domain.objects.resource import Object
from app.domain.snapshot import Snapshot
from app.registry.reads.view import Advance, View
from app.registry.yielding_lock import YieldingLock

CHANGES_A_PIECE = 1_024  # changes examined before yielding to the event loop
UNDONE_A_PIECE = 32  # objects restored before that, at up to 200 us each


@dataclass(frozen=True, slots=True, kw_only=True)
class PastBounds:
    """How many earlier snapshots are kept, for how long, and how far a rewind may go."""

    given_max: int = 64
    given_changes_max: int = 20_000  # changes since; in the worst case 160 MB for all of them
    rewound_max: int = 2
    rewound_changes_max: int = 10_000  # changes undone: about a second of work, in pieces
    age_s_max: float = 300.0  # since a page of the revision was last asked for


PAST_BOUNDS = PastBounds()
_Kept = Bounded[Revision, tuple[Snapshot, float]]


class Past:
    """Earlier snapshots of a process, shared by all list requests."""

    def __init__(
        self,
        view: View,
        lock: YieldingLock,
        *,
        bounds: PastBounds = PAST_BOUNDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep snapshots of ``view``, rewind them under ``lock``; ages are seconds of ``clock``."""
        self._view, self._lock = view, lock
        self._bounds, self._clock = bounds, clock
        self._epoch = view.epoch
        self._given: _Kept = Bounded(bounds.given_max)  # most recently used at the end
        self._rewound: _Kept = Bounded(bounds.rewound_max)
        self._rewinding = asyncio.Lock()  # one rewind at a time, whose result others share
        self.undone = 0
        """How many objects have been restored so far."""
        view.subscribe(self._on_changes)

    def __len__(self) -> int:
        """Count the kept snapshots."""
        return len(self._given) + len(self._rewound)

    def keep(self, snapshot: Snapshot, *, epoch: int) -> None:
        """Keep a snapshot that was current in ``epoch``, from which another page may be read."""
        self._forget()
        if epoch == self._epoch and not self._is_beyond(
            snapshot.revision, self._bounds.given_changes_max
        ):
            self._given[snapshot.revision] = snapshot, self._clock()

    async def at(self, revision: Revision) -> Snapshot:
        """Give the state at a revision that is not ahead; raises Expired when it is too old."""
        if (found := self._kept(revision)) is not None:
            return found
        async with self._rewinding:
            if (found := self._kept(revision)) is not None:
                return found
            return await self._rewind(revision)

    def _kept(self, revision: Revision) -> Snapshot | None:
        self._forget()
        current = self._view.require_synced()
        if revision == current.revision:
            return current
        for kept in (self._given, self._rewound):
            if (found := kept.get(revision)) is not None:
                kept[revision] = found[0], self._clock()
                return found[0]
        return None

    async def _rewind(self, revision: Revision) -> Snapshot:
        count, epoch = self._view.changes_since(revision), self._view.epoch
        if count > self._bounds.rewound_changes_max:
            raise Expired(
                f"too old resource version: {revision} ({count} changes have come since, and at "
                f"most {self._bounds.rewound_changes_max} are undone)"
            )
        later = self._nearest_after(revision)
        changes = self._view.history(revision)
        undone = await self._first_states(changes, upto=later.revision)
        snapshot = later
        for keys in _pieces(undone, UNDONE_A_PIECE):
            async with self._lock:
                snapshot = snapshot.apply(
                    Change(
                        revision=revision,
                        before=snapshot.objects[key[0]].get(key[1]),
                        after=undone[key],
                    )
                    for key in keys
                )
                self.undone += len(keys)
        if epoch != self._view.epoch:
            raise Expired(f"revision {revision} has been lost by the database: list again")
        snapshot = replace(snapshot, revision=revision)
        self._rewound[revision] = snapshot, self._clock()
        return snapshot

    def _nearest_after(self, revision: Revision) -> Snapshot:
        later = [
            snapshot
            for kept in (self._given, self._rewound)
            for held, (snapshot, _) in kept.items()
            if held > revision
        ]
        return min(later, key=lambda snapshot: snapshot.revision, default=self._view.snapshot)

    async def _first_states(
        self, changes: tuple[Change, ...], *, upto: Revision
    ) -> dict[tuple[str, NamespacedName], Object | None]:
        """Map each changed object to its state before the first change.

        Objects that were created and deleted in between are left out.
        """
        first: dict[tuple[str, NamespacedName], Object | None] = {}
        last: dict[tuple[str, NamespacedName], Object | None] = {}
        for start in range(0, len(changes), CHANGES_A_PIECE):
            async with self._lock:
                for change in changes[start : start + CHANGES_A_PIECE]:
                    if change.revision <= upto:
                        key = (change.kind, change.key)
                        first.setdefault(key, change.before)
                        last[key] = change.after
        return {key: was for key, was in first.items() if was is not None or last[key] is not None}

    def _on_changes(self, _: Advance) -> None:
        self._forget()

    def _forget(self) -> None:
        """Drop snapshots that are too old, too far back, or of another epoch."""
        if self._epoch != self._view.epoch:
            self._epoch = self._view.epoch
            self._given.clear()
            self._rewound.clear()
        oldest_s = self._clock() - self._bounds.age_s_max
        for kept, changes_max in (
            (self._given, self._bounds.given_changes_max),
            (self._rewound, self._bounds.rewound_changes_max),
        ):
            while kept and next(iter(kept.values()))[1] < oldest_s:
                kept.popitem(last=False)
            while kept and self._is_beyond(oldest := min(kept), changes_max):
                del kept[oldest]

    def _is_beyond(self, revision: Revision, changes_max: int) -> bool:
        return revision < self._view.compacted or self._view.changes_since(revision) > changes_max


def _pieces(
    undone: dict[tuple[str, NamespacedName], Object | None], size: int
) -> "list[tuple[tuple[str, NamespacedName], ...]]":
    keys = iter(undone)
    return [tuple(islice(keys, size)) for _ in range(0, len(undone), size)]
