"""Keep the view of this process equal to an API's state by following its watch.

    GET /watch -> lines -> objects at a revision          -> view.reset
                        -> changes, whole revisions only  -> view.show

While the API is unreachable the replica serves the last known state; then the watch
is resumed after the view's revision.  If that revision is compacted, everything is
loaded again while the old state is still served.

Source: contract.md, "GET /watch"; spec kubernetes-api 5.4.
"""

import gc
import logging
from collections.abc import Collection, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Final

from app.dns.programming_latency import kept_annotations
from app.domain.addresses import forget_addresses
from app.domain.changes import Change, ChangeType
from app.domain.discovery.zone.objects import stripped
from app.domain.names import NamespacedName
from app.domain.objects.resource import Object
from app.domain.resources import resource_of
from app.domain.snapshot import load
from app.registry.reads.view import View
from app.registry.threads import in_thread
from app.schemas.objects.codec import UNREADABLE, decode_known
from app.schemas.objects.metadata import parse_revision
from waypost.client.errors import Misbehaved, Refused, WaypostError, shown
from waypost.client.http.answer import BOUNDS
from waypost.client.http.registry_client import RegistryClient
from waypost.client.pace import CLOCK, Backoff, Clock, Notices
from waypost.client.watching.events import Event, Resume, parse_event

RETRY_S_MIN, RETRY_S_MAX = 0.1, 5.0  # seconds between attempts, doubled each time
# A watch sends a line at least every 15 s; other answers are a refusal or one Pod.
REPLICA_BOUNDS: Final = replace(
    BOUNDS, line_s_max=30.0, answer_octets_max=1024 * 1024, silence_s_max=5.0, answer_s_max=10.0
)
PROBLEM_CHARACTERS_MAX: Final = 500  # of an API's error text, in the log

_log = logging.getLogger(__name__)


class WatchFollower:
    """Keeps a View up to date with one of several APIs that share a registry."""

    def __init__(
        self,
        client: RegistryClient,
        view: View,
        *,
        kinds: Collection[str],
        clock: Clock = CLOCK,
    ) -> None:
        """Follow whichever API of ``client`` answers."""
        self._client = client
        self._kinds = ",".join(sorted(kinds))
        self._clock = clock
        self._backoff = Backoff(RETRY_S_MIN, RETRY_S_MAX)
        self._notices = Notices(_log)
        self._intake = Intake(view)
        self.url = client.url
        """The API that is followed, or was tried last."""
        self.problem = "it has not been reached yet"
        """Why there is no stream; empty while one is open."""

    async def run(self) -> None:
        """Follow until cancelled; retry after failures, which are logged once a minute per URL."""
        while True:
            self.url = self._client.url
            completed = self._intake.completed
            problem = await self._try_to_follow()
            # Reconnect immediately only after a stream that advanced to a usable revision.
            if self._intake.completed > completed and not self._starts_over:
                self._backoff.succeeded()
            else:
                self._backoff.failed(self._clock.now_s())
                problem = problem or "its stream ended without an event"
            self._note(problem)
            self._client.leave(self.url)
            pause_s = self._backoff.retry_at_s - self._clock.now_s()
            await self._clock.sleep(max(RETRY_S_MIN, pause_s))

    @property
    def _starts_over(self) -> bool:
        return not self._intake.resume.since

    def _note(self, problem: str) -> None:
        self.problem = shown(problem, PROBLEM_CHARACTERS_MAX)
        if problem:
            action = "reloading" if self._starts_over else "reconnecting"
            self._notices.say(
                self.url, f"{self.url}: {self.problem}; serving the last known state and {action}"
            )

    async def _try_to_follow(self) -> str:
        """Follow one stream to its end; return the problem, empty if there was none."""
        try:
            await self._follow()
        except Refused as refusal:
            self._intake.resume.refused(refusal)
            return f"it answers {refusal.code}: {refusal}" if refusal.code else str(refusal)
        except WaypostError as error:
            return error.problem
        return ""

    async def _follow(self) -> None:
        query = {"kinds": self._kinds, "progress": "true"}
        if since := self._intake.begin():
            query["resourceVersion"] = since
        async with aclosing(self._client.lines("/watch", query=query)) as batches:
            async for lines in batches:
                for line in lines:
                    await self._take(line)

    async def _take(self, line: bytes) -> None:
        try:
            is_loaded = await self._intake.take(line)
        except WaypostError:
            self._intake.resume.start_over()
            raise
        if is_loaded:
            # The loaded state is long-lived: exempt it from garbage collection.
            gc.freeze()
        if self.problem:
            self._notices.say(f"following {self.url}", f"following {self.url}", level=logging.INFO)
            self.problem = ""


@dataclass(slots=True)
class Intake:
    """Applies the lines of a watch to a view; without sockets."""

    view: View
    completed: int = 0
    """How many complete revisions the view has shown."""
    resume: Resume = field(default_factory=Resume)
    _initial: list[Object] = field(default_factory=list[Object])
    _pending: list[tuple[bool, Object]] = field(default_factory=list[tuple[bool, Object]])

    def begin(self) -> str:
        """Prepare for a new stream; return the revision to resume after, empty for a full load."""
        self._pending.clear()
        self._initial.clear()
        return self.resume.begin()

    async def take(self, line: bytes) -> bool:
        """Apply one line; return whether it completed a full load.

        Raises Misbehaved for a line that cannot be understood, Refused for one that
        ends the stream.
        """
        event = parse_event(line)
        try:
            match event.type:
                case ChangeType.BOOKMARK:
                    return await self._complete(event)
                case ChangeType.ADDED | ChangeType.MODIFIED | ChangeType.DELETED:
                    self._keep(event.object, is_gone=event.type == ChangeType.DELETED)
                case _:
                    raise Misbehaved(f"its stream has an event of type {event.type}")
        except UNREADABLE as error:
            raise Misbehaved(f"a line cannot be read: {error}") from error
        return False

    def _keep(self, wire: Mapping[str, object], *, is_gone: bool) -> None:
        registered = _followed(wire, is_initial=self.resume.is_initial)
        if self.resume.is_initial:
            # During a reload most objects are unchanged: reuse them instead of storing a copy.
            known = self.view.snapshot.of(resource_of(registered)).get(registered.metadata.key)
            self._initial.append(registered if known is None or known != registered else known)
        else:
            self._pending.append((is_gone, registered))

    async def _complete(self, bookmark: Event) -> bool:
        """Show everything up to the bookmark's revision; return whether it was a full load."""
        is_loading = self.resume.is_initial
        if not self.resume.advance(bookmark):
            return False
        if is_loading:
            revision = parse_revision(self.resume.since)
            loaded, self._initial = self._initial, []
            snapshot = await in_thread(load, loaded, revision=revision)
            self.view.reset(snapshot, history=(), compacted=revision)
            forget_addresses()
        else:
            await self.view.show(self._changes())
        self.completed += 1
        return is_loading

    def _changes(self) -> tuple[Change, ...]:
        latest: dict[tuple[str, NamespacedName], Object | None] = {}
        changes: list[Change] = []
        for is_gone, registered in self._pending:
            kind, meta = resource_of(registered).name, registered.metadata
            place = (kind, meta.key)
            if place not in latest:
                latest[place] = self.view.snapshot.objects[kind].get(meta.key)
            before, after = latest[place], None if is_gone else registered
            latest[place] = after
            if before is not None or after is not None:
                changes.append(Change(revision=meta.revision, before=before, after=after))
        self._pending.clear()
        return tuple(changes)


def _followed(wire: Mapping[str, object], *, is_initial: bool) -> Object:
    """Decode an object and reduce it to what names depend on."""
    whole = decode_known(wire)
    reduced = stripped(whole)
    meta = replace(
        reduced.metadata,
        revision=parse_revision(whole.metadata.resource_version),
        resource_version="",
        annotations=kept_annotations(whole, is_initial=is_initial),
    )
    return replace(reduced, metadata=meta)
