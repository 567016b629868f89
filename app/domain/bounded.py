"""A mapping that keeps only so many entries.

key, value -> kept, and the entry that was put in longest ago let go

For what can be made again.  What is bounded by anything but a number of entries (octets,
age), and the DNS server's answers, whose look-ups are counted in fractions of
a microsecond, is bounded where it is kept.
"""

from collections import OrderedDict
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Bounded(OrderedDict[K, V]):
    """Remembers ``entries_max`` entries, the latest last; an entry put in anew is the latest."""

    def __init__(self, entries_max: int) -> None:
        super().__init__()
        assert entries_max > 0, "what keeps nothing is no mapping"
        self._entries_max = entries_max

    def __setitem__(self, key: K, value: V) -> None:
        super().__setitem__(key, value)
        self.move_to_end(key)
        if len(self) > self._entries_max:
            self.popitem(last=False)
