"""The current Snapshot of this process, updated from the change log.

    committed changes -> show -> the next Snapshot, history, subscribers

Readers take ``snapshot`` and may keep it.  The source of changes is not known here: the store
calls ``show`` in revision order, after its own commits and for commits of other processes.
Repeated changes are ignored.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from app.domain.changes import Change, is_light, pieces_of
from app.domain.errors import NotSynced, RevisionAhead
from app.domain.names import Revision
from app.domain.registration.derivation import (
    AnyDerivation,
    followed,
    loaded_with_derived,
    with_known_derived,
)
from app.domain.resources import RESOURCES
from app.domain.snapshot import Snapshot
from app.registry.reads.history import History, Remembered, remembered
from app.registry.threads import in_thread

REMEMBERED_AT_ONCE_MAX = 2_000  # changes, whose sizes are estimated in some milliseconds
WAIT_S_MAX = 3.0  # seconds a read waits for a revision; spec kubernetes-api 5.3


@dataclass(frozen=True, slots=True)
class Advance:
    """Notification of subscribers: the current state, and changes that led to it.

    With ``has_more`` further changes of the same commits follow immediately.
    """

    after: Snapshot
    changes: tuple[Change, ...]
    has_more: bool = False


class _Loaded(NamedTuple):
    """A state that was loaded, its history, and how it differs from the one shown before."""

    snapshot: Snapshot
    history: tuple[Remembered, ...]
    changes: tuple[Change, ...]


Subscriber = Callable[[Advance], None]
Decided = tuple[Snapshot, Snapshot]  # the state before a decision and after it


class View:
    """Current state and history of this process; used from one event loop only."""

    def __init__(
        self, history: History | None = None, *, derivations: Sequence[AnyDerivation] = ()
    ) -> None:
        """Show stored objects, and the objects that ``derivations`` compute from them."""
        self._derivations = derivations
        self._snapshot = Snapshot()
        self._is_synced = False
        self._history = History() if history is None else history
        self._epoch = 0
        self._subscribers: list[Subscriber] = []
        self._waiters: dict[asyncio.Future[None], Revision] = {}
        self._lock = asyncio.Lock()
        self._showing = 0  # calls of ``show`` and ``show_anew`` that hold the lock or wait for it

    @property
    def snapshot(self) -> Snapshot:
        """The latest state this process has seen."""
        return self._snapshot

    @property
    def is_synced(self) -> bool:
        """Whether the state has been loaded once."""
        return self._is_synced

    @property
    def compacted(self) -> Revision:
        """The oldest revision from which a watch can resume."""
        return self._history.compacted

    @property
    def epoch(self) -> int:
        """How often the database has lost revisions that were shown, as a failover may do."""
        return self._epoch

    def require_synced(self) -> Snapshot:
        """Take the snapshot; raises NotSynced before the first load."""
        if not self._is_synced:
            raise NotSynced("the registry's state has not been loaded yet")
        return self._snapshot

    def reset(
        self,
        snapshot: Snapshot,
        *,
        history: Iterable[Change],
        compacted: Revision,
        has_same_past: bool = True,
    ) -> None:
        """Replace state and history by a loaded snapshot and the changes that led to it.

        Without ``has_same_past`` a new epoch begins: revisions shown so far may be lost.
        """
        loaded = self._loaded(snapshot, tuple(history), known=has_same_past)
        self._start_over(loaded, compacted, has_same_past=has_same_past)
        if loaded.changes:
            self._announce(loaded.changes)

    async def show_anew(
        self,
        snapshot: Snapshot,
        *,
        history: Iterable[Change],
        compacted: Revision,
        has_same_past: bool = True,
    ) -> None:
        """Replace the state as ``reset`` does, without blocking the event loop.

        Does nothing when the view is already later in the same epoch.
        """
        self._showing += 1
        try:
            async with self._lock:
                if has_same_past and snapshot.revision < self._snapshot.revision:
                    return
                loaded = await in_thread(
                    self._loaded, snapshot, tuple(history), known=has_same_past
                )
                self._start_over(loaded, compacted, has_same_past=has_same_past)
                await self._announce_in_pieces(loaded.changes)
        finally:
            self._showing -= 1

    def advance(self, changes: Iterable[Change]) -> None:
        """Apply committed changes synchronously, where there is no event loop; see ``show``."""
        self._show_few(tuple(changes))

    async def show(self, changes: Iterable[Change], *, decided: Decided | None = None) -> None:
        """Apply committed changes and notify subscribers, without blocking the event loop.

        ``decided`` are the states before and after the decision that made the changes, so that
        the result is not computed again.  Returns when all subscribers are notified; when the
        caller is cancelled, that still completes.
        """
        every = tuple(changes)
        if not self._showing and is_light(every):
            self._show_few(every, decided)
        else:
            self._showing += 1  # before other calls can start: changes are shown in order
            await asyncio.shield(asyncio.ensure_future(self._show_locked(every, decided)))

    async def _show_locked(self, changes: tuple[Change, ...], decided: Decided | None) -> None:
        try:
            async with self._lock:
                await self._show_many(changes, decided)
        finally:
            self._showing -= 1

    async def _show_many(self, changes: tuple[Change, ...], decided: Decided | None) -> None:
        while not is_light(fresh := self._fresh(changes)):
            before = self._snapshot
            if self._derivations or (after := _known(before, decided)) is None:
                after, fresh = await in_thread(self._followed, before, fresh, decided)
            is_short = len(fresh) <= REMEMBERED_AT_ONCE_MAX
            history = remembered(fresh) if is_short else await in_thread(remembered, fresh)
            if self._snapshot is before:  # else the state has been reset meanwhile
                self._take(after, history)
                await self._announce_in_pieces(fresh)
        self._show_few(fresh, decided)

    def _show_few(self, changes: tuple[Change, ...], decided: Decided | None = None) -> None:
        if fresh := self._fresh(changes):
            after, fresh = self._followed(self._snapshot, fresh, decided)
            self._take(after, remembered(fresh))
            self._announce(fresh)

    def _followed(
        self, before: Snapshot, changes: tuple[Change, ...], decided: Decided | None
    ) -> tuple[Snapshot, tuple[Change, ...]]:
        """Apply changes of stored objects, derive the others; gives the state and all changes."""
        known = _known(before, decided)
        if self._derivations:
            return followed(before, changes, self._derivations, decided=known)
        return known or before.apply(changes), changes

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call ``subscriber`` whenever the state has advanced; returns the function that ends that.

        Subscribers are called synchronously one after the other, so they must be quick and not
        raise.  Many changes come in pieces, each with the state after all of them.
        """
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)

    def history(self, since: Revision, *, changes_max: int | None = None) -> tuple[Change, ...]:
        """List the changes after ``since``, in order; raises Expired when some are gone.

        With ``changes_max`` it ends with the revision in which there are so many.
        """
        return self._history.after(since, changes_max=changes_max)

    def changes_since(self, since: Revision) -> int:
        """Count the changes after ``since``; raises Expired when some are gone."""
        return self._history.count_after(since)

    async def wait_for(self, revision: Revision, *, timeout_s: float = WAIT_S_MAX) -> Snapshot:
        """Take the snapshot once it has reached ``revision``.

        Raises RevisionAhead when that does not happen within ``timeout_s``.
        """
        if self._snapshot.revision < revision:
            reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters[reached] = revision
            try:
                async with asyncio.timeout(timeout_s):
                    await reached
            except TimeoutError:
                raise RevisionAhead(
                    f"Too large resource version: {revision}, current: {self._snapshot.revision}"
                ) from None
            finally:
                del self._waiters[reached]
        return self.require_synced()

    def _loaded(self, stored: Snapshot, history: tuple[Change, ...], *, known: bool) -> _Loaded:
        """Derive objects, and compare with the present state, whose past is ``known`` or not."""
        before, was_synced = self._snapshot, self._is_synced
        snapshot, past = loaded_with_derived(stored, history, self._derivations)
        if known:
            snapshot = with_known_derived(before, snapshot, self._derivations)
        changes = _difference(before, snapshot) if was_synced else ()
        return _Loaded(snapshot, remembered(past), changes)

    def _start_over(self, loaded: _Loaded, compacted: Revision, *, has_same_past: bool) -> None:
        self._epoch += not has_same_past
        self._snapshot, self._is_synced = loaded.snapshot, True
        self._history.begin(loaded.history, compacted=compacted)
        self._wake()

    def _fresh(self, changes: Iterable[Change]) -> tuple[Change, ...]:
        seen = self._snapshot.revision
        return tuple(change for change in changes if change.revision > seen)

    def _take(self, after: Snapshot, history: Iterable[Remembered]) -> None:
        self._snapshot = after
        self._history.extend(history)
        self._wake()

    def _announce(self, changes: tuple[Change, ...], *, has_more: bool = False) -> None:
        advance = Advance(self._snapshot, changes, has_more)
        for subscriber in tuple(self._subscribers):
            subscriber(advance)

    async def _announce_in_pieces(self, changes: tuple[Change, ...]) -> None:
        pieces = pieces_of(changes)
        piece = next(pieces, ())
        while piece:
            following = next(pieces, ())
            self._announce(piece, has_more=bool(following))
            piece = following
            await asyncio.sleep(0)

    def _wake(self) -> None:
        for reached, revision in self._waiters.items():
            if revision <= self._snapshot.revision and not reached.done():
                reached.set_result(None)


def _known(before: Snapshot, decided: Decided | None) -> Snapshot | None:
    """Give the state that a decision has already computed, if it started from ``before``."""
    return decided[1] if decided is not None and decided[0] is before else None


def _difference(before: Snapshot, after: Snapshot) -> tuple[Change, ...]:
    """Compute the changes between two snapshots whose history in between is unknown."""
    changes: list[Change] = []
    for kind in RESOURCES:
        old, new = before.of(kind), after.of(kind)
        changes.extend(
            Change(revision=after.revision, before=old.get(key), after=new.get(key))
            for key in sorted({*old, *new})
            if old.get(key) != new.get(key)
        )
    return tuple(changes)
