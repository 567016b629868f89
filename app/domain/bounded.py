"""A mapping with a bounded number of entries.

key, value -> stored, and the entry that was set longest ago dropped

For values that can be computed again.  Not for caches bounded by something else (octets, age),
nor for the DNS server's answers, whose look-ups take fractions of a microsecond.
"""

from collections import OrderedDict
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Bounded(OrderedDict[K, V]):
    """Keeps the ``entries_max`` entries that were set last, in that order."""

    def __init__(self, entries_max: int) -> None:
        super().__init__()
        assert entries_max > 0, "a mapping without entries is useless"
        self._entries_max = entries_max

    def __setitem__(self, key: K, value: V) -> None:
        super().__setitem__(key, value)
        self.move_to_end(key)
        if len(self) > self._entries_max:
            self.popitem(last=False)
