"""Watch events of committed changes, and the notification of watchers.

    Change, Interest -> WatchEvent, or nothing
    View, Position, Interest -> Piece: the next events, and the position after them

An object that stops matching is DELETED for that watcher, one that starts matching is
ADDED.  A watcher is only a position in the view's history, so a slow one holds no queue;
it is ended only when the history after its position is gone.  Encoding is not known here.

Source: spec kubernetes-api 5.4; contract.md, "GET /watch".
"""

import asyncio
import logging
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import perf_counter

from app.domain.changes import Change, ChangeType, octets_of
from app.domain.names import Revision
from app.domain.objects.resource import Object
from app.domain.resources import WATCHED_BY_DEFAULT
from app.registry.reads.ordering import Filter
from app.registry.reads.view import Advance, View

BATCH_S = 0.005  # minimum seconds between two flushes, in which changes accumulate
PAUSE_S_MAX = 0.2  # maximum seconds between them, with very many watchers
IDLE_S = 1.0  # seconds after which listeners are notified although nothing has changed
LISTENERS_A_SLICE = 256  # listeners notified before the event loop runs other callbacks
WORK_A_SLICE = 4_096  # work done before that: changes examined, and events encoded
EVENTS_A_PIECE = 256  # events in one piece for a watcher
OCTETS_A_PIECE = 1 << 19  # estimated memory of the objects in them
CHANGES_A_PIECE = 2_048  # changes examined to find them
EVENT_WORK = 4  # work of encoding an event, where examining a change is 1

Listener = Callable[[], None]
"""Called in sequence with thousands of others, so it must be quick and not raise."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interest(Filter):
    """Filter of a watcher; watchers with equal interests share their work."""

    kinds: frozenset[str] = WATCHED_BY_DEFAULT


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One event; ``object`` has the revision of the change, also for DELETED."""

    type: ChangeType
    object: Object


def event_of(change: Change, interest: Interest) -> WatchEvent | None:
    """Translate a change into an event for a watcher; None when it matches neither way."""
    if change.kind not in interest.kinds:
        return None
    before, after = change.before, change.after
    was = before is not None and interest.matches(before)
    if after is not None and interest.matches(after):
        return WatchEvent(ChangeType.MODIFIED if was else ChangeType.ADDED, after)
    if before is not None and was:
        meta = replace(before.metadata, revision=change.revision)
        return WatchEvent(ChangeType.DELETED, replace(before, metadata=meta))
    return None


@dataclass(frozen=True, slots=True)
class Position:
    """How far a watcher has come: a complete revision, and a number of changes of the next.

    Where the next change is an event for the watcher, ``looked`` is the change up to which
    another event of the same revision has been searched without success.
    """

    revision: Revision
    changes: int = 0
    looked: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """Some pending events of a watcher, and the work of finding them.

    The flag beside an event says that it is the watcher's last one of its revision.
    """

    events: tuple[tuple[WatchEvent, bool], ...]
    reached: Position
    work: int


def pending(view: View, start: Position, upto: Revision, interest: Interest) -> Piece:
    """Find the next events of a watcher on its way to ``upto``, in a piece of bounded size.

    A large revision may take several pieces.  An event is held back until it is known
    whether it is the last of its revision.  Raises Expired when the view's history does not
    reach back to ``start``.
    """
    looked = max(start.changes, start.looked)
    asked = looked + CHANGES_A_PIECE
    known = view.history(start.revision, changes_max=asked)
    changes = known[: bisect_right(known, upto, key=lambda change: change.revision)]
    found, end = _found(changes, start, interest)
    work = end - looked + EVENT_WORK * len(found)
    if end == len(changes):
        is_all = len(changes) < len(known) or len(known) < asked
        whole = upto if is_all else changes[-1].revision
        return Piece(_marked(changes, found), Position(whole), work)
    following = changes[end].revision
    if found and changes[found[-1][1]].revision == following:
        held_back = found[-1][1]
        reached = _position(changes, held_back, start, looked=end)
        return Piece(_marked(changes, found)[:-1], reached, work)
    return Piece(_marked(changes, found), _position(changes, end, start), work)


def _found(
    changes: Sequence[Change], start: Position, interest: Interest
) -> tuple[list[tuple[WatchEvent, int]], int]:
    """Find the events of a piece with their indices in ``changes``; gives the end of the search."""
    found: list[tuple[WatchEvent, int]] = []
    octets, index = 0, start.changes
    stop = min(len(changes), max(start.changes, start.looked) + CHANGES_A_PIECE)
    while index < stop and len(found) < EVENTS_A_PIECE and octets < OCTETS_A_PIECE:
        if (event := event_of(changes[index], interest)) is not None:
            found.append((event, index))
            octets += octets_of(event.object)
        index = start.looked if index == start.changes < start.looked else index + 1
    return found, index


def _marked(
    changes: Sequence[Change], found: Sequence[tuple[WatchEvent, int]]
) -> tuple[tuple[WatchEvent, bool], ...]:
    """Mark each event after which the next one belongs to another revision."""
    revisions = [changes[index].revision for _, index in found]
    return tuple(
        (event, ordinal + 1 == len(found) or revisions[ordinal + 1] != revisions[ordinal])
        for ordinal, (event, _) in enumerate(found)
    )


def _position(
    changes: Sequence[Change], index: int, start: Position, *, looked: int = 0
) -> Position:
    """Make the position before a change that has not been sent."""
    revision = changes[index].revision
    first = bisect_left(changes, revision, key=lambda change: change.revision)
    whole = changes[first - 1].revision if first > 0 else start.revision
    return Position(whole, index - first, max(0, looked - first))


class Notifier:
    """Notifies every watcher of a process of changes, immediately but not too often.

    One round of notifications is a flush.  It proceeds in slices and yields to the event loop
    between them.  A long flush is followed by a pause, so that it takes half of the time at most.
    """

    def __init__(self, view: View, *, batch_s: float = BATCH_S, idle_s: float = IDLE_S) -> None:
        """Flush after changes of ``view``, at most every ``batch_s``, at least every ``idle_s``."""
        self._view = view
        self._batch_s, self._idle_s = batch_s, idle_s
        self._pauses_until_s = 0.0
        self._listeners: dict[Listener, None] = {}
        self._next: asyncio.Event = asyncio.Event()
        self._begun: tuple[int, Revision] | None = None  # epoch and revision, during a flush
        self._is_due = self._has_timer = False
        self._busy_s = 0.0
        self._work = 0
        self.is_stopped = False
        view.subscribe(self._on_changes)

    @property
    def upto(self) -> Revision:
        """The revision to send up to: during a flush the same for all listeners.

        After a change of epoch it is the current one, as the flush's own may never have existed.
        """
        epoch, revision = self._begun or (self._view.epoch, self._view.snapshot.revision)
        return revision if epoch == self._view.epoch else self._view.snapshot.revision

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` at every flush; returns the function that ends that."""
        self._listeners[listener] = None
        self._start_timer()
        return lambda: self._listeners.pop(listener, None)

    def count_work(self, work: int) -> None:
        """Count the work that a listener has done, which bounds the slice."""
        self._work += work

    def stop(self) -> None:
        """Notify all listeners for the last time: the process is ending."""
        self.is_stopped = True
        self._flush()

    async def wait_beyond(self, revision: Revision, *, epoch: int) -> None:
        """Wait until the view has passed a revision, lost it, or the process is ending."""
        view = self._view
        while view.epoch == epoch and view.snapshot.revision <= revision and not self.is_stopped:
            await self._next.wait()

    def _on_changes(self, _: Advance) -> None:
        if not self._is_due:
            self._is_due = True
            if self._begun is None:
                self._schedule_flush()

    def _schedule_flush(self) -> None:
        loop = asyncio.get_running_loop()
        loop.call_at(max(loop.time(), self._pauses_until_s), self._flush)

    def _flush(self) -> None:
        if self._begun is not None:
            self._is_due = True  # another flush follows this one
            return
        if self._is_due or self.is_stopped:
            reached, self._next = self._next, asyncio.Event()
            reached.set()
        self._begun = self._view.epoch, self._view.snapshot.revision
        self._is_due, self._busy_s = False, 0.0
        # Run after the callbacks queued so far, and after those that they queue.
        loop, begun_s = asyncio.get_running_loop(), perf_counter()
        loop.call_soon(loop.call_soon, self._notify, tuple(self._listeners), begun_s, begun_s)

    def _notify(self, listeners: Sequence[Listener], begun_s: float, since_s: float) -> None:
        count, self._work = 0, 0
        while count < min(len(listeners), LISTENERS_A_SLICE) and self._work < WORK_A_SLICE:
            if listeners[count] in self._listeners:
                self._notify_one(listeners[count])
            count += 1
        now_s = perf_counter()
        self._busy_s += now_s - since_s
        if rest := listeners[count:]:
            loop = asyncio.get_running_loop()
            loop.call_soon(lambda: self._notify(rest, begun_s, perf_counter()))
        else:
            self._end(others_s=now_s - begun_s - self._busy_s)

    def _notify_one(self, listener: Listener) -> None:
        try:
            listener()
        except Exception:  # noqa: BLE001  one failing listener must not stop the others
            _log.exception("a watch listener failed and is removed")
            self._listeners.pop(listener, None)

    def _end(self, *, others_s: float) -> None:
        pause_s = min(max(self._batch_s, self._busy_s - others_s), PAUSE_S_MAX)
        self._pauses_until_s = asyncio.get_running_loop().time() + pause_s
        self._begun = None
        if self._is_due:
            self._schedule_flush()

    def _start_timer(self) -> None:
        if not self._has_timer:
            self._has_timer = True
            asyncio.get_running_loop().call_later(self._idle_s, self._on_timer)

    def _on_timer(self) -> None:
        self._has_timer = False
        self._flush()
        if self._listeners:
            self._start_timer()
