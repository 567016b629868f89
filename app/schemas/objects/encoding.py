"""The JSON of objects, made once for the store, answers, lists and watches.

    object -> bytes, cached          objects -> pieces of bounded size

Objects are immutable, so their bytes stay valid.  The cache is bounded in octets and in age
and evicts the least recently used entry, but not for the objects of a list.  It is
thread-safe: a large write is encoded in a thread, not on the event loop.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from app.domain.changes import octets_of
from app.domain.objects.resource import Object
from app.schemas.objects.codec import encode_bytes, encode_stored

OBJECTS_A_PIECE = 200  # objects encoded before yielding to the event loop
OCTETS_A_PIECE = 128 << 10  # of their JSON, which takes about 3 ms
REMEMBERED_OCTETS_MAX = 24 << 20  # of bytes, and of objects that only the cache keeps alive
REMEMBERED_S_MAX = 30.0  # since the last use: most objects have been replaced by then


@dataclass(slots=True)
class _Known:
    """An object, its bytes, the size of both, and the time of the last use."""

    object: Object
    encoded: bytes
    octets: int
    asked_s: float


class Encoder:
    """Encodes objects, and caches their bytes."""

    def __init__(
        self,
        *,
        octets_max: int = REMEMBERED_OCTETS_MAX,
        age_s_max: float = REMEMBERED_S_MAX,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Cache at most ``octets_max`` octets; ages are seconds of ``clock``."""
        self._octets_max, self._age_s_max, self._clock = octets_max, age_s_max, clock
        self._octets = 0
        self._lock = threading.Lock()
        self._known: OrderedDict[int, _Known] = OrderedDict()
        self.encoded = 0
        """How many objects have been encoded so far."""

    def encode(self, registered: Object, *, evicts: bool = True) -> bytes:
        """Encode an object as JSON.

        Its bytes take the place of those used least recently, unless it ``evicts`` nothing: then
        they are cached if there is room.
        """
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
            is_kept = evicts or self._octets + octets <= self._octets_max
            if is_kept and id(registered) not in self._known:
                self._known[id(registered)] = _Known(registered, encoded, octets, self._clock())
                self._octets += octets
            self._evict()
        return encoded

    def _evict(self) -> None:
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
        """Encode objects lazily in pieces, none of which is empty.

        They evict nothing: a list longer than the cache would evict each of its objects before
        the next such list asks for it.
        """
        piece: list[bytes] = []
        octets = 0
        for registered in objects:
            piece.append(encoded := self.encode(registered, evicts=False))
            octets += len(encoded)
            if len(piece) >= objects_max or octets >= octets_max:
                yield piece
                piece, octets = [], 0
        if piece:
            yield piece


ENCODER = Encoder()
"""The encoder of this process."""


def stored_bytes(registered: Object) -> bytes:
    """Encode an object for the store, in most cases to the bytes that clients receive."""
    return encode_stored(registered) or ENCODER.encode(registered)
