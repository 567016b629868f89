"""Approximate sizes of objects and changes, to split work that would block the event loop.

    Object -> octets          changes -> pieces that are each processed in one go

Sizes are estimated from the parts that make objects large, without encoding them.
"""

from collections.abc import Iterable, Iterator

from app.domain.changes import Change
from app.domain.objects.resource import Object
from app.domain.resources import resource_of

OBJECT_OCTETS = 1_500  # roughly, of an object without the parts that are counted
ENDPOINT_OCTETS = 400  # roughly, of an endpoint of a slice
AT_ONCE_OCTETS = 400_000
"""Roughly what can be processed in some milliseconds: 250 new Pods, or ten slices."""


def octets_of(registered: Object | None) -> int:
    """Estimate the size of an object in memory; 0 for none."""
    if registered is None:
        return 0
    meta = registered.metadata
    texts = sum(len(key) + len(value) for key, value in meta.annotations.items())
    texts += sum(len(key) + len(value) for key, value in meta.labels.items())
    return OBJECT_OCTETS + texts + resource_of(registered).endpoints(registered) * ENDPOINT_OCTETS


def pieces_of(changes: Iterable[Change], octets_max: int = AT_ONCE_OCTETS) -> Iterator["Piece"]:
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


def is_light(changes: Iterable[Change]) -> bool:
    """Whether changes are small enough to be processed in one go."""
    pieces = pieces_of(changes)
    next(pieces, None)
    return next(pieces, None) is None


Piece = tuple[Change, ...]
