"""What a watcher is told of committed changes.

    Change, Interest -> WatchEvent, or nothing
    View, Place, Interest -> Piece: the next events, and the place behind them

An object that stops matching is DELETED for that watcher, one that starts is
ADDED.  A watcher is no more than a place: what it is owed is the view's
history after it, so a slow one costs nothing, and is ended only when the history
that it needs is gone.  How events are written is not known here.

Source: spec kubernetes-api 5.4; contract.md, "GET /watch".
"""

import asyncio
import logging
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import perf_counter

from app.domain.changes import Change, ChangeType
from app.domain.fields import FieldSelector
from app.domain.labels import EVERYTHING, Selector
from app.domain.names import Revision
from app.domain.objects.resource import Object
from app.domain.resources import RESOURCES
from app.domain.weights import octets_of
from app.registry.reads.view import Advance, View

BATCH_S = 0.02  # seconds between two times that watchers are told, in which changes gather
PAUSE_S_MAX = 0.2  # seconds of it when there are very many watchers
TICK_S = 1.0  # seconds after which watchers are told the time, though nothing has changed
TOLD_AT_ONCE = 256  # watchers told before others get their turn
WORK_AT_ONCE = 4_096  # of what that costs: changes looked through, and events encoded
EVENTS_A_PIECE = 256  # events that a watcher is told in one go
OCTETS_A_PIECE = 1 << 19  # of memory that the objects in them take, about
CHANGES_A_PIECE = 2_048  # changes looked through for them
EVENT_WORK = 4  # what to encode an event costs, when to look at a change costs 1
EVERY_FIELD = FieldSelector()

Listener = Callable[[], None]
"""Called in turn with thousands of others, so it is quick and does not raise."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interest:
    """What a watcher wants to see; hashable, so that equal interests share their work."""

    kinds: frozenset[str] = frozenset(kind.name for kind in RESOURCES)
    namespace: str = ""
    labels: Selector = EVERYTHING
    fields: FieldSelector = EVERY_FIELD

    def covers(self, registered: Object | None) -> bool:
        """Whether an object in this state is one of those wanted; its kind is not asked."""
        if registered is None:
            return False
        meta = registered.metadata
        return (
            (not self.namespace or meta.namespace == self.namespace)
            and self.labels.matches(meta.labels)
            and self.fields.matches(registered)
        )


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One event; ``object`` bears the revision of the change, also when it is gone."""

    type: ChangeType
    object: Object


def event_of(change: Change, interest: Interest) -> WatchEvent | None:
    """Tell what a change is to a watcher; None when it is nothing."""
    if change.kind not in interest.kinds:
        return None
    was, is_ = interest.covers(change.before), interest.covers(change.after)
    if is_ and change.after is not None:
        return WatchEvent(ChangeType.MODIFIED if was else ChangeType.ADDED, change.after)
    if was and change.before is not None:
        meta = replace(change.before.metadata, revision=change.revision)
        return WatchEvent(ChangeType.DELETED, replace(change.before, metadata=meta))
    return None


@dataclass(frozen=True, slots=True)
class Place:
    """How far a watcher has been told: a whole revision, and so many changes behind it.

    Where the next change is an event for it, the changes before ``looked`` have been
    looked through for another one of the same revision, in vain.
    """

    revision: Revision
    changes: int = 0
    looked: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """Some of what a watcher is to be told, and what it cost to find.

    An event is last of its revision when no other of that revision is one for the watcher.
    """

    events: tuple[tuple[WatchEvent, bool], ...]
    reached: Place
    work: int


def owed(view: View, place: Place, upto: Revision, interest: Interest) -> Piece:
    """Find what a watcher is to be told next on its way to ``upto``, in pieces of bounded size.

    A revision of any size may take several.  An event is held back until it is known
    whether it is the last of its revision.  Raises Expired when the view does not
    remember what came after the place.
    """
    looked = max(place.changes, place.looked)
    asked = looked + CHANGES_A_PIECE
    known = view.history(place.revision, changes_max=asked)
    changes = known[: bisect_right(known, upto, key=lambda change: change.revision)]
    found, position = _found(changes, place, interest)
    work = position - looked + EVENT_WORK * len(found)
    if position == len(changes):
        is_all = len(changes) < len(known) or len(known) < asked
        whole = upto if is_all else changes[-1].revision
        return Piece(_marked(changes, found), Place(whole), work)
    following = changes[position].revision
    if found and changes[found[-1][1]].revision == following:
        held_back = found[-1][1]
        place = _place(changes, held_back, place, looked=position)
        return Piece(_marked(changes, found)[:-1], place, work)
    return Piece(_marked(changes, found), _place(changes, position, place), work)


def _found(
    changes: Sequence[Change], place: Place, interest: Interest
) -> tuple[list[tuple[WatchEvent, int]], int]:
    """Find the events of a piece and where in the changes each is; gives the end of the search."""
    found: list[tuple[WatchEvent, int]] = []
    octets, position = 0, place.changes
    stop = min(len(changes), max(place.changes, place.looked) + CHANGES_A_PIECE)
    while position < stop and len(found) < EVENTS_A_PIECE and octets < OCTETS_A_PIECE:
        if (event := event_of(changes[position], interest)) is not None:
            found.append((event, position))
            octets += octets_of(event.object)
        position = place.looked if position == place.changes < place.looked else position + 1
    return found, position


def _marked(
    changes: Sequence[Change], found: Sequence[tuple[WatchEvent, int]]
) -> tuple[tuple[WatchEvent, bool], ...]:
    """Say of each event whether the next one is of another revision."""
    revisions = [changes[position].revision for _, position in found]
    return tuple(
        (event, ordinal + 1 == len(found) or revisions[ordinal + 1] != revisions[ordinal])
        for ordinal, (event, _) in enumerate(found)
    )


def _place(changes: Sequence[Change], position: int, begun: Place, *, looked: int = 0) -> Place:
    """Name the place before a change that has not been told."""
    revision = changes[position].revision
    first = bisect_left(changes, revision, key=lambda change: change.revision)
    whole = changes[first - 1].revision if first > 0 else begun.revision
    return Place(whole, position - first, max(0, looked - first))


class Pulse:
    """Tells every watcher of a process that changes have come: at once, but not too often.

    Watchers are told in turns, between which others get theirs.  When there are so many
    that a beat takes long, it is followed by a pause, so that others have half of the time.
    """

    def __init__(self, view: View, *, batch_s: float = BATCH_S) -> None:
        """Beat after the changes of ``view``, with ``batch_s`` between two at the least."""
        self._view = view
        self._batch_s = batch_s
        self._rests_until_s = 0.0
        self._listeners: dict[Listener, None] = {}
        self._next: asyncio.Event = asyncio.Event()
        self._begun: tuple[int, Revision] | None = None  # era and revision, during a beat
        self._is_due = self._is_ticking = False
        self._busy_s = 0.0
        self._spent = 0
        self.is_stopped = False
        view.subscribe(self._on_changes)

    @property
    def upto(self) -> Revision:
        """The revision that listeners are told of: during a beat, the same for all of them.

        What a beat began with may never have happened: then it is the current one.
        """
        era, revision = self._begun or (self._view.era, self._view.snapshot.revision)
        return revision if era == self._view.era else self._view.snapshot.revision

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` at every beat, and every ``TICK_S``; returns what ends that."""
        self._listeners[listener] = None
        self._tick_later()
        return lambda: self._listeners.pop(listener, None)

    def spend(self, work: int) -> None:
        """Count what telling a listener has cost, so that others get their turn in time."""
        self._spent += work

    def stop(self) -> None:
        """Tell everybody for good: the process is ending."""
        self.is_stopped = True
        self._beat()

    async def beyond(self, revision: Revision) -> None:
        """Wait until the view has passed ``revision``, or the process is ending."""
        while self._view.snapshot.revision <= revision and not self.is_stopped:
            await self._next.wait()

    def _on_changes(self, _: Advance) -> None:
        if not self._is_due:
            self._is_due = True
            if self._begun is None:
                self._beat_later()

    def _beat_later(self) -> None:
        loop = asyncio.get_running_loop()
        loop.call_at(max(loop.time(), self._rests_until_s), self._beat)

    def _beat(self) -> None:
        if self._begun is not None:
            self._is_due = True  # there is another when this one is over
            return
        if self._is_due or self.is_stopped:
            beaten, self._next = self._next, asyncio.Event()
            beaten.set()
        self._begun = self._view.era, self._view.snapshot.revision
        self._is_due, self._busy_s = False, 0.0
        # Behind everybody who was woken, and once more behind what they have written.
        loop, begun_s = asyncio.get_running_loop(), perf_counter()
        loop.call_soon(loop.call_soon, self._tell, tuple(self._listeners), begun_s, begun_s)

    def _tell(self, listeners: Sequence[Listener], begun_s: float, since_s: float) -> None:
        told, self._spent = 0, 0
        while told < min(len(listeners), TOLD_AT_ONCE) and self._spent < WORK_AT_ONCE:
            if listeners[told] in self._listeners:
                self._tell_one(listeners[told])
            told += 1
        now_s = perf_counter()
        self._busy_s += now_s - since_s
        if rest := listeners[told:]:
            loop = asyncio.get_running_loop()
            loop.call_soon(lambda: self._tell(rest, begun_s, perf_counter()))
        else:
            self._end(others_s=now_s - begun_s - self._busy_s)

    def _tell_one(self, listener: Listener) -> None:
        try:
            listener()
        except Exception:  # noqa: BLE001  one that fails must not silence all others
            _log.exception("a watcher could not be told, and is not told any more")
            self._listeners.pop(listener, None)

    def _end(self, *, others_s: float) -> None:
        pause_s = min(max(self._batch_s, self._busy_s - others_s), PAUSE_S_MAX)
        self._rests_until_s = asyncio.get_running_loop().time() + pause_s
        self._begun = None
        if self._is_due:
            self._beat_later()

    def _tick_later(self) -> None:
        if not self._is_ticking:
            self._is_ticking = True
            asyncio.get_running_loop().call_later(TICK_S, self._tick)

    def _tick(self) -> None:
        self._is_ticking = False
        self._beat()
        if self._listeners:
            self._tick_later()
