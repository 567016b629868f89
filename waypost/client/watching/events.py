"""A watch on the client's side: parse its lines, and choose where to resume it.

    line of a stream  -> Event,  or Misbehaved; an ERROR -> Refused
    events, a refusal -> Resume -> the revision to resume the next stream after

A revision is complete at its bookmark: a stream that ends earlier is resumed after
the last complete revision.

Source: contract.md, "GET /watch"; spec kubernetes-api 5.4.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from waypost.client.errors import Expired, Misbehaved, Refused, Timeout, refusal_of
from waypost.client.http.decoding import parse_document
from waypost.client.shapes import mapping, text

AHEAD_TRIES_MAX: Final = 8  # answers that a revision is not reached yet, some 3 s each
BOOKMARK: Final = "BOOKMARK"
_ERROR: Final = "ERROR"
_INITIAL_END: Final = "k8s.io/initial-events-end"


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a watch."""

    type: str
    object: Mapping[str, Any]

    @property
    def is_bookmark(self) -> bool:
        """Whether it has a revision and no object."""
        return self.type == BOOKMARK

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The metadata of its object."""
        return mapping(self.object.get("metadata"))

    @property
    def revision(self) -> str:
        """The revision of its object, or of a bookmark; empty when it states none."""
        return text(self.metadata, "resourceVersion")

    @property
    def ends_initial(self) -> bool:
        """Whether it ends the initial list of objects."""
        return _INITIAL_END in mapping(self.metadata.get("annotations"))


def parse_event(line: bytes) -> Event:
    """Parse a line; raises Misbehaved, and Refused for an ERROR event."""
    return event_of(parse_document(line))


def event_of(document: Mapping[str, Any], *, url: str = "") -> Event:
    """Make an Event of a document; raises as ``parse_event`` does, with ``url``."""
    type_, wire = document.get("type"), document.get("object")
    if not isinstance(type_, str) or not isinstance(wire, Mapping):
        raise Misbehaved("its stream has a line that is not a watch event", url=url)
    event = Event(type_, cast("Mapping[str, Any]", wire))
    if type_ == _ERROR:
        raise refusal_of(event.object)
    if event.is_bookmark and not event.revision:
        raise Misbehaved("its stream has a bookmark without a revision", url=url)
    return event


@dataclass(slots=True)
class Resume:
    """The position where a watch is resumed."""

    since: str = ""
    """The last complete revision; empty to begin with a list of all objects."""
    is_initial: bool = True
    """Whether events are the initial list, and not yet changes."""
    _ahead_count: int = 0

    def begin(self) -> str:
        """Prepare for a new stream; return the revision to resume after, empty for a full list."""
        self.is_initial = not self.since
        return self.since

    def advance(self, event: Event) -> bool:
        """Process an event; return whether it completes a revision."""
        if not event.is_bookmark or (self.is_initial and not event.ends_initial):
            return False
        self.since, self.is_initial = event.revision, False
        self._ahead_count = 0
        return True

    def refused(self, refusal: Refused) -> None:
        """Process the refusal of a stream."""
        self._ahead_count += isinstance(refusal, Timeout)
        # The registry has compacted our revision, or was restored to a state before it.
        if isinstance(refusal, Expired) or self._ahead_count >= AHEAD_TRIES_MAX:
            self.start_over()

    def start_over(self) -> None:
        """Let the next stream begin with a list of all objects."""
        self.since, self._ahead_count = "", 0
