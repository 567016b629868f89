"""Changes of objects in order: the vocabulary of list and watch.

    revision r, changes r+1 … n -> the same state as revision n

Revisions increase by one with every committed write; the changes of one write
share its revision.  Nothing here knows how a change is stored or sent.
Source: spec kubernetes-api 5.2 and 5.4.
"""

from dataclasses import dataclass
from enum import StrEnum

from app.domain.errors import Expired
from app.domain.names import NamespacedName, Revision
from app.domain.objects.resource import Object
from app.domain.resources import resource_of


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
