"""The JSON of objects, made once for all who are sent it at about the same time.

    object -> bytes, remembered          objects -> pieces of bounded size

An object never changes, so its bytes stay true; what is remembered is bounded in octets,
and what was asked for last is kept.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator

from app.domain.objects.kinds import Object
from app.registry.history import octets_of
from app.schemas.codec import encode_bytes

OBJECTS_A_PIECE = 200  # objects encoded before the event loop has its turn
OCTETS_A_PIECE = 128 << 10  # of their JSON, which takes about 3 ms
REMEMBERED_OCTETS_MAX = 24 << 20  # of bytes, and of objects that may be kept for them alone


class Encoder:
    """Encodes objects, and remembers what it encoded last."""

    def __init__(self, *, octets_max: int = REMEMBERED_OCTETS_MAX) -> None:
        """Remember ``octets_max`` octets at the most."""
        self._octets_max = octets_max
        self._octets = 0
        self._known: OrderedDict[int, tuple[Object, bytes]] = OrderedDict()
        self.encoded = 0
        """How many objects have been encoded so far."""

    def encode(self, registered: Object) -> bytes:
        """Spell an object as JSON."""
        known = self._known.get(id(registered))  # an object that is remembered keeps its id
        if known is not None:
            self._known.move_to_end(id(registered))
            return known[1]
        encoded = encode_bytes(registered)
        self.encoded += 1
        self._known[id(registered)] = (registered, encoded)
        self._octets += octets_of(registered) + len(encoded)
        while self._octets > self._octets_max:
            _, (forgotten, body) = self._known.popitem(last=False)
            self._octets -= octets_of(forgotten) + len(body)
        return encoded

    def pieces(
        self,
        objects: Iterable[Object],
        *,
        objects_max: int = OBJECTS_A_PIECE,
        octets_max: int = OCTETS_A_PIECE,
    ) -> Iterator[list[bytes]]:
        """Encode objects a piece at a time, each when it is asked for and none of them empty."""
        piece: list[bytes] = []
        octets = 0
        for registered in objects:
            piece.append(encoded := self.encode(registered))
            octets += len(encoded)
            if len(piece) >= objects_max or octets >= octets_max:
                yield piece
                piece, octets = [], 0
        if piece:
            yield piece


ENCODER = Encoder()
"""That of this process: lists and watchers share it."""
