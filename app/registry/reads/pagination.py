"""Lists of one kind: filtered, sorted, and cut into pages of one revision.

    Snapshot, Listing  -> Page
    Snapshot, Interest -> objects that a watch begins with, by kind and key, a piece at a time
    (revision, last key) <-> token, which says where the next page begins

Every page is served from the revision of the first, which ``registry.reads.past`` keeps.
Objects are examined in pieces that yield to the event loop.

Source: spec kubernetes-api 5.3 and 5.4.
"""

import base64
import json
from bisect import bisect_right
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from app.domain.errors import BadRequest, Expired, RevisionAhead
from app.domain.names import NamespacedName, Revision, label_problems, path_segment_problems
from app.domain.objects.resource import AnyResource, Object
from app.domain.resources import RESOURCES
from app.domain.snapshot import Snapshot
from app.registry.reads.ordering import KEYS_A_PIECE, Filter, Ordering, narrowest
from app.registry.reads.past import PAST_BOUNDS, Past, PastBounds
from app.registry.reads.view import WAIT_S_MAX, View
from app.registry.reads.watch import Interest
from app.registry.yielding_lock import YieldingLock

LIMIT_MAX = 10_000  # objects of one page, whatever the client asks for
TOKEN_CHARACTERS_MAX = 8_192  # twice what the longest name of any letters needs
_VERSION = "meta.k8s.io/v1"
_NOT_VALID = "continue key is not valid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Filter):
    """Request of a list; ``limit`` 0 means everything."""

    kind: AnyResource
    limit: int = 0
    token: str = ""
    exact_revision: Revision | None = None

    @property
    def is_filtered(self) -> bool:
        """Whether there are selectors."""
        has_selectors = bool(self.labels.requirements) or bool(self.fields.terms)
        return has_selectors or self.namespaces is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page: ``token`` is empty on the last, ``remaining`` None when it is unknown."""

    objects: tuple[Object, ...]
    revision: Revision
    token: str = ""
    remaining: int | None = None


@dataclass(frozen=True, slots=True)
class _Start:
    """Start of a page: its snapshot, the epoch of the view, and the last key before it."""

    snapshot: Snapshot
    epoch: int
    after: NamespacedName | None = None


class Lists:
    """The lists of one process, which share a lock and the earlier snapshots."""

    def __init__(
        self, view: View, *, bounds: PastBounds = PAST_BOUNDS, wait_s: float = WAIT_S_MAX
    ) -> None:
        """List objects of ``view``; wait ``wait_s`` for a revision known elsewhere."""
        self._view, self._wait_s = view, wait_s
        self.yielding_lock = YieldingLock()
        self.past = Past(view, self.yielding_lock, bounds=bounds)
        self._ordering = Ordering(self.yielding_lock)

    async def page(self, listing: Listing) -> Page:
        """Make the requested page.

        Raises BadRequest for a token that was not made here, Expired when its revision is too
        old, RevisionAhead when an exact revision has not been reached yet.
        """
        start = await self._start(listing)
        term = narrowest(start.snapshot, listing.kind, listing)
        keys = await self._ordering.keys(start.snapshot, listing.kind, term, epoch=start.epoch)
        return await self._filled(listing, start, keys)

    async def _filled(
        self, listing: Listing, start: _Start, keys: Sequence[NamespacedName]
    ) -> Page:
        snapshot = start.snapshot
        objects = snapshot.of(listing.kind)
        limit = min(listing.limit, LIMIT_MAX) if listing.limit else len(keys)
        first = 0 if start.after is None else bisect_right(keys, start.after)
        found: list[Object] = []
        for begin in range(first, len(keys), KEYS_A_PIECE):
            async with self.yielding_lock:
                for position in range(begin, min(begin + KEYS_A_PIECE, len(keys))):
                    registered = objects[keys[position]]
                    if not listing.matches(registered):
                        continue
                    if len(found) == limit:
                        remaining = None if listing.is_filtered else len(keys) - position
                        return self._cut(start, tuple(found), remaining)
                    found.append(registered)
        return Page(objects=tuple(found), revision=snapshot.revision)

    def _cut(self, start: _Start, found: tuple[Object, ...], remaining: int | None) -> Page:
        """Make a page that is not the last, and keep the snapshot for the next one."""
        if start.after is None:
            self.past.keep(start.snapshot, epoch=start.epoch)
        revision = start.snapshot.revision
        return Page(
            objects=found,
            revision=revision,
            token=format_token(revision, found[-1].metadata.key),
            remaining=remaining,
        )

    async def _start(self, listing: Listing) -> _Start:
        current = self._view.require_synced()
        if listing.token:
            return await self._continued(listing)
        if listing.exact_revision is not None:
            await self._view.wait_for(listing.exact_revision, timeout_s=self._wait_s)
            return _Start(await self.past.at(listing.exact_revision), self._view.epoch)
        return _Start(current, self._view.epoch)

    async def _continued(self, listing: Listing) -> _Start:
        revision, after = parse_token(listing.token, listing.kind, listing.namespace)
        try:
            await self._view.wait_for(revision, timeout_s=self._wait_s)
        except RevisionAhead as ahead:
            raise BadRequest(
                f"continue key is not valid: revision {revision} is not there yet"
            ) from ahead
        try:
            return _Start(await self.past.at(revision), self._view.epoch, after)
        except Expired as expired:
            fresh = format_token(self._view.snapshot.revision, after)
            raise Expired(
                "The provided continue parameter is too old to display a consistent list. "
                "Begin anew, or go on inconsistently with the token in this answer's metadata.",
                token=fresh,
            ) from expired


class InitialStates:
    """Initial states for the watchers of a process, computed under one lock.

    However many watches begin together, each iteration of the event loop does one piece for one
    of them; watches that begin at the same revision share its sorted keys.
    """

    def __init__(self) -> None:
        self.yielding_lock = YieldingLock()
        self._ordering = Ordering(self.yielding_lock)

    async def objects(
        self, snapshot: Snapshot, interest: Interest, *, epoch: int
    ) -> AsyncGenerator[list[Object], None]:
        """Yield the matches of each piece, by kind and key; a piece may have none."""
        for kind in RESOURCES:
            if kind.name not in interest.kinds:
                continue
            term = narrowest(snapshot, kind, interest)
            held = snapshot.of(kind)
            keys = await self._ordering.keys(snapshot, kind, term, epoch=epoch)
            for first in range(0, len(keys), KEYS_A_PIECE):
                async with self.yielding_lock:
                    piece = [held[key] for key in keys[first : first + KEYS_A_PIECE]]
                    found = [registered for registered in piece if interest.matches(registered)]
                yield found


def format_token(revision: Revision, after: NamespacedName) -> str:
    """Write the token of a page that begins after a key, at a revision."""
    start = {"v": _VERSION, "rv": revision, "start": [after.namespace, after.name]}
    return base64.urlsafe_b64encode(json.dumps(start).encode()).decode().rstrip("=")


def parse_token(token: str, kind: AnyResource, namespace: str) -> tuple[Revision, NamespacedName]:
    """Read the token of a list of a kind, in one namespace, or in all when it is empty.

    Raises BadRequest unless it is exactly what ``format_token`` writes for such a list.
    """
    read: object = None
    if len(token) <= TOKEN_CHARACTERS_MAX:
        padded = token + "=" * (-len(token) % 4)
        with suppress(ValueError, RecursionError):
            read = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    match read:
        case {"rv": int(number), "start": [str(held_in), str(name)]} if type(number) is int:
            revision, after = Revision(number), NamespacedName(held_in, name)
        case _:
            raise BadRequest(_NOT_VALID)
    if (
        revision <= 0
        or not _can_be(after, kind, namespace)
        or token != format_token(revision, after)
    ):
        raise BadRequest(_NOT_VALID)
    return revision, after


def _can_be(key: NamespacedName, kind: AnyResource, namespace: str) -> bool:
    """Whether the list can contain an object with that key."""
    if not key.name or path_segment_problems(key.name):  # the widest rule of all kinds
        return False
    if not kind.is_namespaced:
        return not key.namespace
    return not label_problems(key.namespace) and namespace in ("", key.namespace)
