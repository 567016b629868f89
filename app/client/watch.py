"""A watch as its clients read it: what its lines say, and where the next stream goes on.

    line of a stream  -> Event,  or RegistryMisbehaved; an ERROR -> Refused
    events, a refusal -> Resume -> the revision that the next stream is asked from

A revision is whole once a bookmark tells of it: a stream that ends before is
resumed after the last one that was.

Source: contract.md, "GET /watch"; spec kubernetes-api 5.4.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from app.client.errors import Refused, RegistryMisbehaved
from app.client.registry_client import parse_document
from app.domain.changes import ChangeType

AHEAD_TRIES_MAX: Final = 8  # answers that a revision is not reached, some 3 s each
_ERROR: Final = "ERROR"
_INITIAL_END: Final = "k8s.io/initial-events-end"


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a watch."""

    type: str
    object: Mapping[str, Any]

    @property
    def is_bookmark(self) -> bool:
        """Whether it tells of a revision, and of no object."""
        return self.type == ChangeType.BOOKMARK

    @property
    def ends_initial(self) -> bool:
        """Whether everything that there is has come before it."""
        annotations = _metadata(self).get("annotations")
        return isinstance(annotations, Mapping) and _INITIAL_END in annotations


def parse_event(line: bytes) -> Event:
    """Read a line; raises RegistryMisbehaved, and Refused where the registry ends the stream."""
    return event_of(parse_document(line))


def event_of(document: Mapping[str, Any], *, url: str = "") -> Event:
    """Read a document; raises as ``parse_event`` does, about ``url``."""
    type_, wire = document.get("type"), document.get("object")
    if not isinstance(type_, str) or not isinstance(wire, Mapping):
        raise RegistryMisbehaved("its stream has a line that is no event of a watch", url=url)
    event = Event(type_, cast("Mapping[str, Any]", wire))
    if type_ == _ERROR:
        raise Refused(event.object)
    if event.is_bookmark and not isinstance(_metadata(event).get("resourceVersion"), str):
        raise RegistryMisbehaved("its stream has a bookmark without a revision", url=url)
    return event


@dataclass(slots=True)
class Resume:
    """Where a watch goes on when its stream has ended."""

    since: str = ""
    """The last revision that has come whole; empty to begin with everything there is."""
    is_initial: bool = True
    """Whether what comes is what there is, and not yet what has changed."""
    _aheads: int = 0

    def begin(self) -> str:
        """Expect a new stream; gives the revision to ask for, empty for everything there is."""
        self.is_initial = not self.since
        return self.since

    def is_whole(self, event: Event) -> bool:
        """Take note of an event; tells whether every revision so far is here whole with it."""
        if not event.is_bookmark or (self.is_initial and not event.ends_initial):
            return False
        self.since, self.is_initial = _metadata(event)["resourceVersion"], False
        self._aheads = 0
        return True

    def refused(self, refusal: Refused) -> None:
        """Take note that a stream was refused."""
        self._aheads += refusal.reason == "Timeout"
        # The registry has forgotten our past, or was put back, and ours is none of it.
        if refusal.reason == "Expired" or self._aheads >= AHEAD_TRIES_MAX:
            self.start_over()

    def start_over(self) -> None:
        """Let the next stream begin with everything there is."""
        self.since, self._aheads = "", 0


def _metadata(event: Event) -> Mapping[str, Any]:
    metadata = event.object.get("metadata")
    return cast("Mapping[str, Any]", metadata) if isinstance(metadata, Mapping) else {}
