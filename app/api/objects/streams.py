"""Streams of changes: server-sent events, or one JSON object a line.

    view, Watch -> bytes, until the client disconnects

A watcher is a cursor into the view's history.  Watchers with the same interest and position
are sent the same bytes, encoded once.  Initial states and long histories are sent in pieces
that yield to the event loop.

Source: contract.md, "GET /watch"; spec kubernetes-api 5.4.
"""

import asyncio
from collections.abc import AsyncGenerator, Generator, Iterator, Mapping
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from weakref import WeakValueDictionary

from app.api import errors as api_errors
from app.api.access.identity import Permit
from app.api.errors import STATUSES
from app.api.http.delivery import ERROR, Frame
from app.api.objects.feed import Feed
from app.api.objects.rights_history import RightsHistory
from app.api.objects.stream_permit import StreamPermit
from app.api.objects.watch_stats import END_OF, End, WatchStats, shares_of
from app.domain import errors
from app.domain.changes import ChangeType, require_resumable
from app.domain.names import Revision
from app.domain.objects.resource import AnyResource
from app.domain.snapshot import Snapshot
from app.registry.reads.pagination import InitialStates
from app.registry.reads.view import View
from app.registry.reads.watch import Interest, Notifier, Position
from app.registry.yielding_lock import YieldingLock
from app.schemas.objects.codec import encode_json
from app.schemas.objects.encoding import ENCODER, Encoder
from app.schemas.status import status_of

BOOKMARK_S = 10.0  # seconds without events after which a bookmark is sent; clients expect 15
TIMEOUT_S_MAX = 3_600  # seconds after which any watch ends, with a bookmark
WATCHERS_MAX = 10_000  # streams of one process, unless configured otherwise

_ENDS = tuple(END_OF)
"""Refusals that end a stream."""

INITIAL_END = {"k8s.io/initial-events-end": "true"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Request of one stream: its filter, form, start, and duration.

    ``since`` None begins with the current objects.  ``progress`` asks for a bookmark after
    every commit, whether it matches or not.
    """

    interest: Interest
    frame: Frame
    since: Revision | None
    timeout_s: float
    kind: AnyResource | None = None
    progress: bool = False
    permit: Permit | None = None


class Watching:
    """The streams of one process."""

    def __init__(
        self,
        view: View,
        notifier: Notifier,
        *,
        watchers_max: int = WATCHERS_MAX,
        encoder: Encoder = ENCODER,
    ) -> None:
        """Stream what ``view`` shows, to at most ``watchers_max`` at a time."""
        self.view, self.notifier, self.encoder = view, notifier, encoder
        self.initial_states = InitialStates()
        self._watchers_max = watchers_max
        self._shares = shares_of(watchers_max)
        self._feeds = WeakValueDictionary[tuple[Interest, Frame], Feed]()
        self.rights = RightsHistory(view)
        self.watchers = 0
        self.stats = WatchStats()

    def stop(self) -> None:
        """End every stream, with a bookmark to resume from."""
        self.notifier.stop()

    @contextmanager
    def counted(self, user: str | None = None) -> Generator[None]:
        """Count one more watcher of a user for the length of the block."""
        self.watchers += 1
        self.stats.count_open(1)
        self._shares.take(user)
        try:
            yield
        finally:
            self.watchers -= 1
            self.stats.count_open(-1)
            self._shares.give(user)

    def stream(self, watch: Watch) -> "Stream":
        """Make the stream of a watcher; raises NotSynced before the first load."""
        key = (watch.interest, watch.frame)
        if (feed := self._feeds.get(key)) is None:
            feed = self._feeds[key] = Feed(
                self.view, *key, count_work=self.notifier.count_work, encoder=self.encoder
            )
        return Stream(self, feed, watch)

    async def wait_beyond(
        self, revision: Revision, *, epoch: int, within_s: float, user: str | None = None
    ) -> bool:
        """Wait for the view to pass a revision of an epoch, or to lose it; says whether it has.

        The request counts as a watcher; raises Overloaded when there is no room for one.
        """
        self.require_room(user)
        with self.counted(user), suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self.notifier.wait_beyond(revision, epoch=epoch)
        return self.view.epoch != epoch or self.view.snapshot.revision > revision

    def require_room(self, user: str | None = None) -> None:
        """Raise Overloaded when there is no room for a watcher, or none for one of this user."""
        if self.watchers >= self._watchers_max:
            self.stats.count_refusal()
            raise api_errors.Overloaded(f"there are {self.watchers} watchers already")
        self._shares.require(user)


class Stream:
    """Events for one watcher: the current objects, then new events each time it is asked."""

    def __init__(self, watching: Watching, feed: Feed, watch: Watch) -> None:
        view = watching.view
        self._view, self._notifier = view, watching.notifier
        self._initial_states, self._encoder = watching.initial_states, watching.encoder
        self._feed, self._watch = feed, watch
        self._clock = asyncio.get_running_loop()
        self._epoch = view.epoch
        self._sent_s = self._clock.time()
        self.deadline_s = self._sent_s + watch.timeout_s
        self.is_over = False
        snapshot = view.require_synced()
        self._position = Position(snapshot.revision if watch.since is None else watch.since)
        self._permit = StreamPermit(
            watch.permit, watching.rights, self._position.revision, known_at=snapshot.revision
        )
        user = None if watch.permit is None else watch.permit.holder
        self._stats, self._end = watching.stats, End.CLIENT
        self._count = partial(watching.counted, user)
        self.listen = watching.notifier.listen

    @contextmanager
    def counted(self) -> Generator[None]:
        """Count the stream as open for the length of the block, and then why it ended."""
        with self._count(), self._stats.ending(lambda: self._end):
            yield

    @property
    def yielding_lock(self) -> YieldingLock:
        """Held while the stream does long work."""
        return self._initial_states.yielding_lock

    async def initial(self) -> AsyncGenerator[bytes, None]:
        """Yield an ADDED for every object, and the bookmark that ends the initial state.

        The bookmark is missing when the stream ends before.  The snapshot is taken under the
        lock, so that a waiting watcher keeps no snapshot in memory.
        """
        if self._watch.since is not None:
            return
        async with self.yielding_lock:
            snapshot, self._epoch = self._view.require_synced(), self._view.epoch
            self._position = Position(snapshot.revision)
        if (refusal := self._permit.refusal_now(snapshot)) is not None:
            yield self._refused(refusal)
            return
        async with aclosing(self._added(snapshot)) as added:
            async for frames in added:
                if frames:
                    yield frames
                if (ending := self._cut_short()) is not None:
                    if ending:
                        yield ending
                    return
        yield _bookmark(self._watch, self._position.revision, annotations=INITIAL_END)

    async def _added(self, snapshot: Snapshot) -> AsyncGenerator[bytes, None]:
        """Yield events in pieces of bounded size, and empty pieces where nothing matched."""
        found = self._initial_states.objects(snapshot, self._watch.interest, epoch=self._epoch)
        async with aclosing(found):
            async for objects in found:
                pieces = self._encoder.pieces(objects)
                while frames := await self._framed(pieces):
                    yield frames
                yield b""

    async def _framed(self, pieces: Iterator[list[bytes]]) -> bytes:
        async with self.yielding_lock:
            piece = next(pieces, list[bytes]())
            self._stats.events += len(piece)
            added = [self._watch.frame(ChangeType.ADDED.value, None, body) for body in piece]
            return b"".join(added)

    def _cut_short(self) -> bytes | None:
        """Give the last piece of an initial state that ends early, maybe empty; None continues.

        The caller may have lost the right meanwhile, or its credential may have ended.  The
        changes after the state must still be in the history: else a slow client would be sent
        what it cannot resume from, while the server keeps it in memory.
        """
        if self._is_time_up():
            return b""
        try:
            require_epoch(self._view, self._epoch)
            require_resumable(self._position.revision, compacted=self._view.compacted)
            if self._watch.permit is not None:
                self._watch.permit.require(self._view.snapshot)
        except _ENDS as refusal:
            return self._refused(refusal)
        return None

    @property
    def is_behind(self) -> bool:
        """Whether more is due immediately."""
        return not self.is_over and self._position.revision < self._notifier.upto

    def due(self) -> bytes:
        """Give some of what is due now, often nothing; the last piece says why the stream ends."""
        now_s = self._clock.time()
        if self._is_time_up():
            return _bookmark(self._watch, self._position.revision)
        try:
            found = self._changes(self._notifier.upto)
        except _ENDS as refusal:
            return self._refused(refusal)
        if not found and now_s >= self._sent_s + BOOKMARK_S:
            found = _bookmark(self._watch, self._position.revision)
        if found:
            self._sent_s = now_s
        return found

    def _is_time_up(self) -> bool:
        """Whether the stream ends now, without an error."""
        if self._notifier.is_stopped:
            self.is_over, self._end = True, End.SHUTDOWN
        elif self._clock.time() >= self.deadline_s:
            self.is_over, self._end = True, End.TIMEOUT
        return self.is_over

    def _refused(self, refusal: errors.DomainError) -> bytes:
        """End the stream with an error."""
        self.is_over, self._end = True, END_OF[type(refusal)]
        return _error(self._watch, refusal)

    def _changes(self, upto: Revision) -> bytes:
        require_epoch(self._view, self._epoch)
        upto = self._permit.upto(self._position.revision, upto)
        if upto <= self._position.revision:
            return b""
        batch = self._feed.batch(self._position, upto, self._epoch)
        self._position = batch.reached
        self._stats.events += batch.events
        has_bookmark = self._watch.progress and not self.is_behind
        return batch.frames + _bookmark(self._watch, upto) if has_bookmark else batch.frames


def require_epoch(view: View, epoch: int) -> None:
    """Raise Expired when the view is in another epoch: its revisions are others."""
    if view.epoch != epoch:
        raise errors.Expired("events that were sent have been lost by the database: list again")


def _bookmark(
    watch: Watch, revision: Revision, annotations: Mapping[str, str] | None = None
) -> bytes:
    metadata: dict[str, object] = {"resourceVersion": str(revision)}
    if annotations:
        metadata["annotations"] = dict(annotations)
    kind, api_version = ("Bookmark", "v1") if watch.kind is None else _kind_of(watch.kind)
    body = encode_json({"kind": kind, "apiVersion": api_version, "metadata": metadata})
    return watch.frame(ChangeType.BOOKMARK.value, revision, body)


def _kind_of(kind: AnyResource) -> tuple[str, str]:
    return kind.name, kind.api_version


def _error(watch: Watch, refusal: errors.DomainError) -> bytes:
    code = STATUSES[type(refusal)].value
    return watch.frame(ERROR, None, encode_json(status_of(refusal, code)))
