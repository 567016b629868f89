"""Streams of changes: server-sent events, or one JSON object a line.

    view, Watch -> bytes, for as long as the client listens

A watcher is a cursor into the view's history.  Those that want the same and
stand at the same revision are sent the same bytes, encoded once.  An id is sent
only where a stream may be resumed: with the last event of a revision, and with
the bookmark behind the initial state.

Source: contract.md, "GET /watch"; spec kubernetes-api 5.4; the HTML standard,
"Server-sent events".
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from app.api import errors as api_errors
from app.api.errors import STATUSES
from app.domain import errors
from app.domain.changes import ChangeType
from app.domain.names import Revision
from app.domain.objects.kinds import Kind
from app.domain.snapshot import Snapshot
from app.registry.view import View
from app.registry.watch import Interest, Pulse, WatchEvent, initial_objects, owed
from app.schemas.codec import encode_bytes, encode_json
from app.schemas.status import status_of

NDJSON, SSE = "application/x-ndjson", "text/event-stream"
BOOKMARK_S = 10.0  # seconds of silence after which a bookmark is sent; the promise is 15
TIMEOUT_S_MAX = 3_600  # seconds after which any watch ends, with a bookmark
BATCHES_KEPT = 256  # encoded batches remembered for other watchers
WATCHERS_MAX = 10_000  # streams of one process, unless it is told otherwise
_LATE_S = 0.01  # seconds by which a stream is woken after its time, never before
INITIAL_PIECE = 200  # objects encoded before others get their turn

INITIAL_END = {"k8s.io/initial-events-end": "true"}
Frame = Callable[[str, Revision | None, bytes], bytes]
"""Type, the revision to resume after (None before its last event), object -> bytes."""


def ndjson_frame(type_: str, _: Revision | None, body: bytes) -> bytes:
    """Write an event as one line of JSON."""
    return b'{"type":"%b","object":%b}\n' % (type_.encode(), body)


def sse_frame(type_: str, whole: Revision | None, body: bytes) -> bytes:
    """Write an event as a server-sent event; its id is the revision that it makes whole.

    A client keeps the id before it, so one that is cut off inside a revision,
    or inside the initial state, is told all of it again rather than half.
    """
    id_ = b"" if whole is None else b"id: %d\n" % whole
    return b"%bevent: %b\ndata: %b\n\n" % (id_, type_.encode(), body)


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
    kind: Kind | None = None
    progress: bool = False


class Watching:
    """The streams of one process."""

    def __init__(self, view: View, pulse: Pulse, *, watchers_max: int = WATCHERS_MAX) -> None:
        """Stream what ``view`` shows, to at most ``watchers_max`` at a time."""
        self._view = view
        self._pulse = pulse
        self._watchers_max = watchers_max
        self.watchers = 0
        self._batch = lru_cache(BATCHES_KEPT)(self._encoded_batch)

    def stop(self) -> None:
        """End every stream, with a bookmark to resume from."""
        self._pulse.stop()

    async def stream(self, watch: Watch) -> AsyncGenerator[bytes, None]:
        """Yield what is to be sent, until time is up, the process stops or nobody listens."""
        self.watchers += 1
        ending = asyncio.get_running_loop().call_later(watch.timeout_s + _LATE_S, self._pulse.beat)
        try:
            async for piece in self._stream(watch):
                yield piece
        finally:
            ending.cancel()
            self.watchers -= 1

    async def beyond(self, revision: Revision, *, within_s: float) -> bool:
        """Wait for the view to pass a revision; says whether it is worth waiting for more.

        Who waits is a watcher; raises Overloaded when there are as many as may be.
        """
        self.require_room()
        self.watchers += 1
        try:
            async with asyncio.timeout(within_s):
                await self._pulse.beyond(revision)
        except TimeoutError:
            return False
        finally:
            self.watchers -= 1
        return not self._pulse.is_stopped

    def require_room(self) -> None:
        """Raise Overloaded when there are as many watchers as may be."""
        if self.watchers >= self._watchers_max:
            raise api_errors.Overloaded(f"there are {self.watchers} watchers already")

    async def _stream(self, watch: Watch) -> AsyncGenerator[bytes, None]:
        clock, era = asyncio.get_running_loop(), self._view.era
        deadline, cursor = clock.time() + watch.timeout_s, watch.since
        if cursor is None:
            snapshot = self._view.require_synced()
            cursor = snapshot.revision
            async for piece in _initial(snapshot, watch):
                yield piece
        told_at = clock.time()
        while not (self._pulse.is_stopped or clock.time() >= deadline):
            upto = self._view.snapshot.revision
            try:
                self._require_era(era)
                is_new = upto != cursor
                news = (
                    self._batch(cursor, upto, watch.interest, watch.frame, era) if is_new else b""
                )
            except errors.Expired as expired:
                yield _error(watch, cursor, expired)
                return
            has_moved, cursor = upto > cursor, upto
            is_quiet = not news and clock.time() >= told_at + BOOKMARK_S
            if is_quiet or (watch.progress and has_moved):
                news += _bookmark(watch, cursor)
            if news:
                told_at = clock.time()
                yield news
            await self._pulse.next_beat(cursor)
        yield _bookmark(watch, cursor)

    def _require_era(self, era: int) -> None:
        if self._view.era != era:
            raise errors.Expired("some of what was sent has never happened: list anew")

    def _encoded_batch(
        self, since: Revision, upto: Revision, interest: Interest, frame: Frame, era: int
    ) -> bytes:
        """Encode what is owed after ``since``, which is up to ``upto`` right now."""
        assert self._view.era == era, "the same revisions of another past are other changes"
        assert self._view.snapshot.revision == upto, "a batch is made before the view moves on"
        events = owed(self._view, since, interest)
        last = {event.object.metadata.revision: event for event in events}
        return b"".join(
            frame(event.type.value, revision if last[revision] is event else None, _encoded(event))
            for event in events
            for revision in (event.object.metadata.revision,)
        )


async def _initial(snapshot: Snapshot, watch: Watch) -> AsyncGenerator[bytes, None]:
    """Yield an ADDED for every object, and the bookmark that says that was all."""
    objects = initial_objects(snapshot, watch.interest)
    while piece := tuple(islice(objects, INITIAL_PIECE)):
        yield b"".join(
            watch.frame(ChangeType.ADDED.value, None, encode_bytes(registered))
            for registered in piece
        )
        await asyncio.sleep(0)
    yield _bookmark(watch, snapshot.revision, annotations=INITIAL_END)


def _bookmark(
    watch: Watch, revision: Revision, annotations: Mapping[str, str] | None = None
) -> bytes:
    metadata: dict[str, object] = {"resourceVersion": str(revision)}
    if annotations:
        metadata["annotations"] = dict(annotations)
    kind, api_version = ("Bookmark", "v1") if watch.kind is None else _spelt(watch.kind)
    body = encode_json({"kind": kind, "apiVersion": api_version, "metadata": metadata})
    return watch.frame(ChangeType.BOOKMARK.value, revision, body)


def _spelt(kind: Kind) -> tuple[str, str]:
    return kind.name, kind.api_version


def _error(watch: Watch, revision: Revision, expired: errors.Expired) -> bytes:
    code = STATUSES[errors.Expired].value
    return watch.frame("ERROR", revision, encode_json(status_of(expired, code)))


def _encoded(event: WatchEvent) -> bytes:
    return encode_bytes(event.object)
