"""The JSON of objects, made once for the store, answers, lists and watches.

    object -> bytes, remembered          objects -> pieces of bounded size

An object never changes, so its bytes stay valid.  The cache is bounded in octets and in age
and drops what was asked for least recently.  Threads may share it: a large write is encoded
beside the event loop.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from app.domain.objects.resource import Object
from app.domain.weights import octets_of
from app.schemas.objects.codec import encode_bytes, encode_stored

OBJECTS_A_PIECE = 200  # objects encoded before the event loop has its turn
OCTETS_A_PIECE = 128 << 10  # of their JSON, which takes about 3 ms
REMEMBERED_OCTETS_MAX = 24 << 20  # of bytes, and of objects that may be kept for them alone
REMEMBERED_S_MAX = 30.0  # since they were asked for: most are of objects that are gone by then


@dataclass(slots=True)
class _Known:
    """An object, its bytes, what both take, and when they were last asked for."""

    object: Object
    encoded: bytes
    octets: int
    asked_s: float


class Encoder:
    """Encodes objects, and remembers what it encoded last."""

    def __init__(
        self,
        *,
        octets_max: int = REMEMBERED_OCTETS_MAX,
        age_s_max: float = REMEMBERED_S_MAX,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Remember ``octets_max`` octets at the most; ages are seconds of ``clock``."""
        self._octets_max, self._age_s_max, self._clock = octets_max, age_s_max, clock
        self._octets = 0
        self._lock = threading.Lock()
        self._known: OrderedDict[int, _Known] = OrderedDict()
        self.encoded = 0
        """How many objects have been encoded so far."""

    def encode(self, registered: Object) -> bytes:
        """Spell an object as JSON."""
        with self._lock:
            known = self._known.get(id(registered))  # an object in the cache keeps its id
            if known is not None:
                known.asked_s = self._clock()
                self._known.move_to_end(id(registered))
                return known.encoded
        encoded = encode_bytes(registered)
        octets = octets_of(registered) + len(encoded)
        with self._lock:
            self.encoded += 1
            if id(registered) not in self._known:
                self._known[id(registered)] = _Known(registered, encoded, octets, self._clock())
                self._octets += octets
            self._forget()
        return encoded

    def _forget(self) -> None:
        oldest_s = self._clock() - self._age_s_max
        while self._known:
            least = next(iter(self._known.values()))
            if self._octets <= self._octets_max and least.asked_s >= oldest_s:
                break
            self._octets -= least.octets
            self._known.popitem(last=False)

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
"""That of this process."""


def stored_bytes(registered: Object) -> bytes:
    """Spell an object as the store keeps it, which mostly is as clients are sent it."""
    return encode_stored(registered) or ENCODER.encode(registered)
