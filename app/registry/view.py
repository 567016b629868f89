"""The current Snapshot of this process, kept fresh from the change log.

    committed changes -> advance -> the next Snapshot, history, subscribers

Readers take ``snapshot`` and keep it as long as they like.  Where changes come
from is not known here: the store calls ``advance`` after its own commits and
for those of other processes, in revision order; repeats are harmless.
"""

import asyncio
from collections.abc import Callable, Iterable

from app.domain.changes import Change
from app.domain.errors import NotSynced, RevisionAhead
from app.domain.names import Revision
from app.domain.objects.kinds import KINDS
from app.domain.snapshot import Snapshot
from app.registry.history import History

WAIT_S_MAX = 3.0  # seconds a read waits for a revision; spec kubernetes-api 5.3

Subscriber = Callable[[Snapshot, Snapshot, tuple[Change, ...]], None]


class View:
    """What this process knows; used from one event loop only."""

    def __init__(self, history: History | None = None) -> None:
        self._snapshot = Snapshot()
        self._is_synced = False
        self._history = History() if history is None else history
        self._era = 0
        self._subscribers: list[Subscriber] = []
        self._waiters: list[tuple[Revision, asyncio.Future[None]]] = []

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
        """The oldest revision from which changes can still be told."""
        return self._history.compacted

    @property
    def era(self) -> int:
        """How often the past turned out to be another than what was shown."""
        return self._era

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
        """Start over from a loaded snapshot and the changes that led to it.

        Without the same past, what was shown so far may never have happened.
        """
        self._era += not has_same_past
        before, self._snapshot = self._snapshot, snapshot
        was_synced, self._is_synced = self._is_synced, True
        self._history.begin(history, compacted=compacted)
        if was_synced and (changes := _difference(before, snapshot)):
            self._announce(before, changes)
        self._wake()

    def advance(self, changes: Iterable[Change]) -> None:
        """Apply committed changes; those already seen are skipped."""
        before = self._snapshot
        fresh = tuple(change for change in changes if change.revision > before.revision)
        if not fresh:
            return
        self._snapshot = before.apply(fresh)
        self._history.add(fresh)
        self._announce(before, fresh)
        self._wake()

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call ``subscriber`` after every advance; returns what ends the subscription.

        Subscribers run at once and in turn, so they must be quick and not raise.
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
            entry = (revision, reached)
            self._waiters.append(entry)
            try:
                async with asyncio.timeout(timeout_s):
                    await reached
            except TimeoutError:
                raise RevisionAhead(
                    f"Too large resource version: {revision}, current: {self._snapshot.revision}"
                ) from None
            finally:
                if entry in self._waiters:
                    self._waiters.remove(entry)
        return self.require_synced()

    def _announce(self, before: Snapshot, changes: tuple[Change, ...]) -> None:
        for subscriber in tuple(self._subscribers):
            subscriber(before, self._snapshot, changes)

    def _wake(self) -> None:
        for revision, reached in self._waiters:
            if revision <= self._snapshot.revision and not reached.done():
                reached.set_result(None)


def _difference(before: Snapshot, after: Snapshot) -> tuple[Change, ...]:
    """Tell what differs between two snapshots whose history in between is lost."""
    changes: list[Change] = []
    for kind in KINDS:
        old, new = before.of_kind(kind.name), after.of_kind(kind.name)
        changes.extend(
            Change(revision=after.revision, before=old.get(key), after=new.get(key))
            for key in sorted({*old, *new})
            if old.get(key) != new.get(key)
        )
    return tuple(changes)
