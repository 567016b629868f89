"""What objects and changes weigh, about: it tells what is done in one go from what is not.

    Object -> octets          changes -> pieces that are each done in one go

Weights are estimated from what makes objects large, without encoding them.
"""

from collections.abc import Iterable, Iterator

from app.domain.changes import Change
from app.domain.objects.resource import Object
from app.domain.resources import resource_of

OBJECT_OCTETS = 1_500  # about what an object takes beside what is counted
ENDPOINT_OCTETS = 400  # about what an endpoint of a slice takes
AT_ONCE_OCTETS = 400_000
"""About what is looked through in one go, in some milliseconds: 250 new Pods, or ten slices."""


def octets_of(registered: Object | None) -> int:
    """Estimate what keeping an object takes; 0 for none."""
    if registered is None:
        return 0
    meta = registered.metadata
    texts = sum(len(key) + len(value) for key, value in meta.annotations.items())
    texts += sum(len(key) + len(value) for key, value in meta.labels.items())
    return OBJECT_OCTETS + texts + resource_of(registered).endpoints(registered) * ENDPOINT_OCTETS


def pieces_of(changes: Iterable[Change], octets_max: int = AT_ONCE_OCTETS) -> Iterator["Piece"]:
    """Cut changes where they become too heavy for one go; one alone may be."""
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


def is_light(changes: Iterable[Change]) -> bool:
    """Whether changes are few and small enough for one go."""
    pieces = pieces_of(changes)
    next(pieces, None)
    return next(pieces, None) is None


Piece = tuple[Change, ...]
