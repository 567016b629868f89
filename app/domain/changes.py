"""Changes of objects in order: the vocabulary of list and watch.

    revision r, changes r+1 … n -> the same state as revision n
    changes -> pieces that can each be processed without blocking the event loop

Revisions increase by one with every committed write; the changes of one write
share its revision.  Sizes are estimated from the parts that make objects large, without
encoding them.  Nothing here knows how a change is stored or sent.
Source: spec kubernetes-api 5.2 and 5.4.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from app.domain.errors import Expired
from app.domain.names import NamespacedName, Revision
from app.domain.objects.resource import Object
from app.domain.resources import resource_of

OBJECT_OCTETS = 1_500  # roughly, of an object without the parts that are counted
ENDPOINT_OCTETS = 400  # roughly, of an endpoint of a slice
AT_ONCE_OCTETS = 400_000
"""Roughly what can be processed in some milliseconds: 250 new Pods, or ten slices."""


class ChangeType(StrEnum):
    """The types of watch events."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One object before and after a revision; at least one of the two is present."""

    revision: Revision
    before: Object | None
    after: Object | None

    @property
    def type(self) -> ChangeType:
        """ADDED, MODIFIED or DELETED."""
        if self.before is None:
            return ChangeType.ADDED
        return ChangeType.MODIFIED if self.after is not None else ChangeType.DELETED

    @property
    def object(self) -> Object:
        """The new state, or the last state of a deleted object."""
        found = self.after if self.after is not None else self.before
        assert found is not None, "a change has a side"
        return found

    @property
    def kind(self) -> str:
        """The kind of the object, ``Service``."""
        return resource_of(self.object).name

    @property
    def key(self) -> NamespacedName:
        """The key of the object within its kind."""
        return self.object.metadata.key


def require_resumable(since: Revision, *, compacted: Revision) -> None:
    """Refuse to resume after ``since`` when changes above it are gone.

    Raises Expired when history up to ``compacted`` was removed and ``since``
    lies before it, so that no client misses changes unawares.
    """
    if since < compacted:
        raise Expired(
            f"too old resource version: {since} ({compacted} is the oldest that can be resumed)"
        )


def octets_of(registered: Object | None) -> int:
    """Estimate the size of an object in memory; 0 for none."""
    if registered is None:
        return 0
    meta = registered.metadata
    texts = sum(len(key) + len(value) for key, value in meta.annotations.items())
    texts += sum(len(key) + len(value) for key, value in meta.labels.items())
    return OBJECT_OCTETS + texts + resource_of(registered).endpoints(registered) * ENDPOINT_OCTETS


def pieces_of(
    changes: Iterable[Change], octets_max: int = AT_ONCE_OCTETS
) -> Iterator[tuple[Change, ...]]:
    """Split changes into pieces below the size limit; a single change may exceed it."""
    piece: list[Change] = []
    octets = 0
    for change in changes:
        weight = octets_of(change.before) + octets_of(change.after)
        if piece and octets + weight > octets_max:
            yield tuple(piece)
            piece, octets = [], 0
        piece.append(change)
        octets += weight
    if piece:
        yield tuple(piece)


def is_light(changes: Iterable[Change], octets_max: int = AT_ONCE_OCTETS) -> bool:
    """Whether changes are small enough to be processed in one go."""
    pieces = pieces_of(changes, octets_max)
    next(pieces, None)
    return next(pieces, None) is None
