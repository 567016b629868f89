"""Streams of changes: server-sent events, or one JSON object a line.

    view, Watch -> bytes, for as long as the client listens

A watcher is a cursor into the view's history.  Those that want the same and
stand at the same revision are sent the same bytes, encoded once.  To begin, and to
catch up with what is long past, is done a piece in each turn.

Source: contract.md, "GET /watch"; spec kubernetes-api 5.4.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from weakref import WeakValueDictionary

from app.api import errors as api_errors
from app.api.errors import STATUSES
from app.api.http.frames import ERROR, Frame
from app.domain import errors
from app.domain.bounded import Bounded
from app.domain.changes import ChangeType, require_resumable
from app.domain.names import Revision
from app.domain.objects.resource import AnyResource
from app.domain.snapshot import Snapshot
from app.registry.reads.initial_state import Beginnings
from app.registry.reads.view import View
from app.registry.reads.watch import Interest, Place, Pulse, owed
from app.registry.yielding_lock import YieldingLock
from app.schemas.objects.codec import encode_json
from app.schemas.objects.encoding import ENCODER, Encoder
from app.schemas.status import status_of

BOOKMARK_S = 10.0  # seconds of silence after which a bookmark is sent; the promise is 15
TIMEOUT_S_MAX = 3_600  # seconds after which any watch ends, with a bookmark
BATCHES_KEPT = 4  # encoded batches remembered for others who watch the same
WATCHERS_MAX = 10_000  # streams of one process, unless it is told otherwise

INITIAL_END = {"k8s.io/initial-events-end": "true"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """One stream: what is wanted, in which form, from where, and for how long.

    ``since`` None begins with the objects there are.  ``progress`` asks for a
    bookmark after everything that was committed, wanted or not.
    """

    interest: Interest
    frame: Frame
    since: Revision | None
    timeout_s: float
    kind: AnyResource | None = None
    progress: bool = False


class Watching:
    """The streams of one process."""

    def __init__(
        self,
        view: View,
        pulse: Pulse,
        *,
        watchers_max: int = WATCHERS_MAX,
        encoder: Encoder = ENCODER,
    ) -> None:
        """Stream what ``view`` shows, to at most ``watchers_max`` at a time."""
        self.view, self.pulse, self.encoder = view, pulse, encoder
        self.beginnings = Beginnings()
        self._watchers_max = watchers_max
        self._feeds = WeakValueDictionary[tuple[Interest, Frame], Feed]()
        self.watchers = 0

    def stop(self) -> None:
        """End every stream, with a bookmark to resume from."""
        self.pulse.stop()

    @contextmanager
    def counted(self) -> Generator[None]:
        """Count one more who waits for changes, for as long as it does."""
        self.watchers += 1
        try:
            yield
        finally:
            self.watchers -= 1

    def stream(self, watch: Watch) -> "Stream":
        """Make the stream of a watcher; raises NotSynced when nothing is known yet."""
        key = (watch.interest, watch.frame)
        if (feed := self._feeds.get(key)) is None:
            feed = self._feeds[key] = Feed(
                self.view, *key, spend=self.pulse.spend, encoder=self.encoder
            )
        return Stream(self, feed, watch)

    async def beyond(self, revision: Revision, *, within_s: float) -> bool:
        """Wait for the view to pass a revision; says whether it is worth waiting for more.

        Who waits is a watcher; raises Overloaded when there are as many as may be.
        """
        self.require_room()
        with self.counted():
            try:
                async with asyncio.timeout(within_s):
                    await self.pulse.beyond(revision)
            except TimeoutError:
                return False
        return not self.pulse.is_stopped

    def require_room(self) -> None:
        """Raise Overloaded when there are as many watchers as may be."""
        if self.watchers >= self._watchers_max:
            raise api_errors.Overloaded(f"there are {self.watchers} watchers already")


class Feed:
    """What all those are sent who want the same in the same form, encoded once."""

    def __init__(
        self,
        view: View,
        interest: Interest,
        frame: Frame,
        *,
        spend: Callable[[int], None] = lambda _: None,
        encoder: Encoder = ENCODER,
    ) -> None:
        """Tell of ``view``; ``spend`` is told what making a batch has cost."""
        self._view, self._spend, self._encoder = view, spend, encoder
        self._interest, self._frame = interest, frame
        self._batches: Bounded[tuple[Place, Revision, int], Batch] = Bounded(BATCHES_KEPT)

    def batch(self, place: Place, upto: Revision, era: int) -> "Batch":
        """Encode the next of what there is to tell on the way to a revision; raises Expired.

        ``era`` is that of the view: the same revisions of another past are other changes.
        """
        batch = self._batches.get((place, upto, era))
        if batch is None:
            batch = self._batches[place, upto, era] = self._encoded(place, upto)
        return batch

    def _encoded(self, place: Place, upto: Revision) -> "Batch":
        assert upto <= self._view.snapshot.revision, "what is remembered has happened"
        piece = owed(self._view, place, upto, self._interest)
        self._spend(piece.work)
        frames = (
            self._frame(
                event.type.value,
                event.object.metadata.revision if is_last else None,
                self._encoder.encode(event.object),
            )
            for event, is_last in piece.events
        )
        return Batch(b"".join(frames), piece.reached)


@dataclass(frozen=True, slots=True)
class Batch:
    """Encoded events, and the place that whoever is sent them has reached."""

    frames: bytes
    reached: Place


class Stream:
    """What one watcher is sent: the objects there are, then what is new when it is asked."""

    def __init__(self, watching: Watching, feed: Feed, watch: Watch) -> None:
        view = watching.view
        self._view, self._pulse = view, watching.pulse
        self._beginnings, self._encoder = watching.beginnings, watching.encoder
        self._feed, self._watch = feed, watch
        self._clock = asyncio.get_running_loop()
        self._era = view.era
        self._told_s = self._clock.time()
        self.deadline_s = self._told_s + watch.timeout_s
        self.is_over = False
        snapshot = view.require_synced()
        self._place = Place(snapshot.revision if watch.since is None else watch.since)
        self.counted, self.listen = watching.counted, watching.pulse.listen

    @property
    def yielding_lock(self) -> YieldingLock:
        """Held while the stream does long work."""
        return self._beginnings.yielding_lock

    async def initial(self) -> AsyncGenerator[bytes, None]:
        """Yield an ADDED for every object, and the bookmark that says that was all.

        Without that bookmark when it is over before.  The objects are those there are when
        its turn comes: a watcher that waits keeps no state in memory.
        """
        if self._watch.since is not None:
            return
        async with self.yielding_lock:
            snapshot, self._era = self._view.require_synced(), self._view.era
            self._place = Place(snapshot.revision)
        async with aclosing(self._added(snapshot)) as added:
            async for frames in added:
                if frames:
                    yield frames
                if (ending := self._cut_short()) is not None:
                    if ending:
                        yield ending
                    return
        yield _bookmark(self._watch, self._place.revision, annotations=INITIAL_END)

    async def _added(self, snapshot: Snapshot) -> AsyncGenerator[bytes, None]:
        """Yield events of bounded size, or none where nothing matched for a while."""
        found = self._beginnings.objects(snapshot, self._watch.interest, era=self._era)
        async with aclosing(found):
            async for objects in found:
                pieces = self._encoder.pieces(objects)
                while frames := await self._framed(pieces):
                    yield frames
                yield b""

    async def _framed(self, pieces: Iterator[list[bytes]]) -> bytes:
        async with self.yielding_lock:
            piece = next(pieces, list[bytes]())
            added = [self._watch.frame(ChangeType.ADDED.value, None, body) for body in piece]
            return b"".join(added)

    def _cut_short(self) -> bytes | None:
        """Say what ends the initial state before it is whole, often nothing; None goes on.

        Changes that would follow it must still be known: else a client that reads slowly
        would be sent what it cannot go on from, and keep it in memory.
        """
        if self._is_time_up():
            self.is_over = True
            return b""
        try:
            self._require_same_past()
            require_resumable(self._place.revision, compacted=self._view.compacted)
        except errors.Expired as expired:
            self.is_over = True
            return _error(self._watch, expired)
        return None

    @property
    def is_behind(self) -> bool:
        """Whether there is more to be told at once than has been given."""
        return not self.is_over and self._place.revision < self._pulse.upto

    def news(self) -> bytes:
        """Give some of what is to be sent by now, often nothing; the last says why it is over."""
        now_s = self._clock.time()
        if self._is_time_up():
            self.is_over = True
            return _bookmark(self._watch, self._place.revision)
        try:
            news = self._changes(self._pulse.upto)
        except errors.Expired as expired:
            self.is_over = True
            return _error(self._watch, expired)
        if not news and now_s >= self._told_s + BOOKMARK_S:
            news = _bookmark(self._watch, self._place.revision)
        if news:
            self._told_s = now_s
        return news

    def _require_same_past(self) -> None:
        if self._view.era != self._era:
            raise errors.Expired("some of what was sent has never happened: list anew")

    def _is_time_up(self) -> bool:
        return self._pulse.is_stopped or self._clock.time() >= self.deadline_s

    def _changes(self, upto: Revision) -> bytes:
        self._require_same_past()
        if upto <= self._place.revision:
            return b""
        batch = self._feed.batch(self._place, upto, self._era)
        self._place = batch.reached
        is_told = self._watch.progress and not self.is_behind
        return batch.frames + _bookmark(self._watch, upto) if is_told else batch.frames


def _bookmark(
    watch: Watch, revision: Revision, annotations: Mapping[str, str] | None = None
) -> bytes:
    metadata: dict[str, object] = {"resourceVersion": str(revision)}
    if annotations:
        metadata["annotations"] = dict(annotations)
    kind, api_version = ("Bookmark", "v1") if watch.kind is None else _spelt(watch.kind)
    body = encode_json({"kind": kind, "apiVersion": api_version, "metadata": metadata})
    return watch.frame(ChangeType.BOOKMARK.value, revision, body)


def _spelt(kind: AnyResource) -> tuple[str, str]:
    return kind.name, kind.api_version


def _error(watch: Watch, expired: errors.Expired) -> bytes:
    code = STATUSES[errors.Expired].value
    return watch.frame(ERROR, None, encode_json(status_of(expired, code)))
