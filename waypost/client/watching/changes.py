"""Changes of objects, made of a watch's events: each once, whatever happened to the streams.

    events of streams -> Known -> Change, Change, …, Bookmark

A stream that is lost is resumed after the last complete revision, so that some events come again:
they are skipped.  When the registry has compacted that revision, everything is listed anew, and
what differs from the last known objects is given as changes.  Without input or output.

Source: contract.md, "GET /watch".
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Generic

from waypost.client.errors import Misbehaved, Refused
from waypost.client.shapes import T_co, text
from waypost.client.watching.events import Event, Resume

OBJECTS_MAX: Final = 1_000_000  # that one watch remembers
_REVISION: Final = re.compile(r"[0-9]{1,19}")

Key = tuple[str, str, str]
"""Kind, namespace and name."""


class ChangeType(StrEnum):
    """What has happened to an object."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


_TYPES: Final = frozenset(each.value for each in ChangeType)


@dataclass(frozen=True, slots=True)
class Change(Generic[T_co]):
    """One object that was added, modified or deleted."""

    type: ChangeType
    object: T_co
    """As it is now, or as it was last."""


@dataclass(frozen=True, slots=True)
class Bookmark:
    """The changes before it are complete: they are the state at a revision."""

    revision: str


class Known:
    """The objects that a watch has given, and the position in the history."""

    def __init__(self, since: str = "", *, objects_max: int = OBJECTS_MAX) -> None:
        """Begin with the changes after a revision, or with all objects when it is empty."""
        self._resume = Resume(since)
        self._objects_max = objects_max
        self._objects: dict[Key, Mapping[str, Any]] = {}
        self._unseen: set[Key] = set()  # objects that a list in progress has not named yet
        self._can_list = not since
        self._last = 0  # the revision of the last event,
        self._keys_of_last: set[Key] = set()  # and the objects that it has changed

    @property
    def revision(self) -> str:
        """The last complete revision; empty before the first."""
        return self._resume.since

    def begin(self) -> str:
        """Prepare for a new stream; return the revision to resume after, empty for a list."""
        since = self._resume.begin()
        if not since:
            self._unseen = set(self._objects)
            self._last, self._keys_of_last = 0, set()
        return since

    def refused(self, refusal: Refused) -> None:
        """Take note that a stream was refused, or ended with an error.

        Raises the refusal when everything should be listed anew, but what was deleted since
        cannot be known: the watch began with a revision.
        """
        self._resume.refused(refusal)
        if not self._resume.since and not self._can_list:
            raise refusal

    def take(self, event: Event) -> Iterator[Change[Mapping[str, Any]] | Bookmark]:
        """Yield the changes of an event; raises Misbehaved when it makes no sense."""
        if event.is_bookmark:
            yield from self._reach(event)
            return
        if event.type not in _TYPES:
            raise Misbehaved(f"its stream has an event of type {event.type[:20]}")
        key = _key_of(event.object)
        if self._resume.is_initial:
            yield from self._list(key, event.object)
        elif self._is_new(key, event):
            yield self._change(key, ChangeType(event.type), event.object)

    def _reach(self, bookmark: Event) -> Iterator[Change[Mapping[str, Any]] | Bookmark]:
        was_initial = self._resume.is_initial
        if not self._resume.advance(bookmark):
            return
        if was_initial:
            for key in [key for key in self._objects if key in self._unseen]:
                yield self._change(key, ChangeType.DELETED, self._objects[key])
            self._unseen, self._can_list = set(), True
        # One that comes again is of a revision whose successors have been given already.
        if _number(bookmark) >= self._last:
            yield Bookmark(bookmark.revision)

    def _list(self, key: Key, found: Mapping[str, Any]) -> Iterator[Change[Mapping[str, Any]]]:
        self._unseen.discard(key)
        known = self._objects.get(key)
        if known is None:
            yield self._change(key, ChangeType.ADDED, found)
        elif _metadata(known, "uid") != _metadata(found, "uid"):
            yield self._change(key, ChangeType.DELETED, known)
            yield self._change(key, ChangeType.ADDED, found)
        elif _metadata(known, "resourceVersion") != _metadata(found, "resourceVersion"):
            yield self._change(key, ChangeType.MODIFIED, found)

    def _is_new(self, key: Key, event: Event) -> bool:
        """Whether an event has not come before: revisions increase, and change an object once."""
        revision = _number(event)
        if revision < self._last or (revision == self._last and key in self._keys_of_last):
            return False
        if revision > self._last:
            self._last, self._keys_of_last = revision, set()
        self._keys_of_last.add(key)
        return True

    def _change(
        self, key: Key, type_: ChangeType, found: Mapping[str, Any]
    ) -> Change[Mapping[str, Any]]:
        if type_ is ChangeType.DELETED:
            self._objects.pop(key, None)
        else:
            self._objects[key] = found
            if len(self._objects) > self._objects_max:
                raise Misbehaved(f"it has more than {self._objects_max} objects")
        return Change(type_, found)


def _number(event: Event) -> int:
    if not _REVISION.fullmatch(event.revision):
        raise Misbehaved("its stream has an event without a revision")
    return int(event.revision)


def _key_of(found: Mapping[str, Any]) -> Key:
    return text(found, "kind"), _metadata(found, "namespace"), _metadata(found, "name")


def _metadata(found: Mapping[str, Any], name: str) -> str:
    return text(found.get("metadata"), name)
