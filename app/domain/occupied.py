"""An immutable set of numbers that finds gaps quickly: held addresses and ports.

    Occupied --hold/release--> Occupied          (the old one stays as it was)
    Occupied, first, last -> the lowest free number from first to last

The cost of every operation is the depth of the tree (3 levels for ports, 6 for
IPv4, 22 for IPv6), however many numbers are held.  What the numbers mean is not
known here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

_BITS = 6
_FANOUT = 1 << _BITS
_ALL = (1 << _FANOUT) - 1


@dataclass(frozen=True, slots=True)
class _Branch:
    children: dict[int, "_Node"]
    full: int  # one bit per child, set for one without a gap


_Node = _Branch | int  # a leaf is the 64-bit mask of its held numbers


class Occupied:  # noqa: PLW1641  compared, never a key
    """An immutable set of integers of at most ``width_bits``."""

    __slots__ = ("_depth", "_root")

    def __init__(self, *, width_bits: int) -> None:
        self._depth = -(-width_bits // _BITS)
        self._root: _Node = 0 if self._depth == 1 else _Branch({}, 0)

    def __contains__(self, number: int) -> bool:
        node: _Node = self._root
        for level in range(self._depth - 1, 0, -1):
            assert isinstance(node, _Branch)
            found = node.children.get((number >> (level * _BITS)) & (_FANOUT - 1))
            if found is None:
                return False
            node = found
        assert isinstance(node, int)
        return bool(node >> (number & (_FANOUT - 1)) & 1)

    def __eq__(self, other: object) -> bool:
        # Equal sets have equal trees: a child without numbers is never kept.
        return (
            isinstance(other, Occupied)
            and self._depth == other._depth
            and self._root == other._root
        )

    def hold(self, number: int) -> "Occupied":
        """Return the set with ``number``."""
        return self._with_root(_set(self._root, number, self._depth - 1, held=True))

    def release(self, number: int) -> "Occupied":
        """Return the set without ``number``."""
        return self._with_root(_set(self._root, number, self._depth - 1, held=False))

    def next_free(self, first: int, last: int) -> int | None:
        """Find the lowest number from ``first`` to ``last`` inclusive that is not held."""
        if first > last:
            return None
        free = _next(self._root, first, self._depth - 1, held=False)
        return None if free is None or free > last else free

    def next_held(self, first: int, last: int) -> int | None:
        """Find the lowest number from ``first`` to ``last`` inclusive that is held."""
        if not 0 <= first <= last or first >> (self._depth * _BITS):
            return None
        held = _next(self._root, first, self._depth - 1, held=True)
        return None if held is None or held > last else held

    def count(self, first: int, last: int) -> int:
        """Count the numbers from ``first`` to ``last`` inclusive that are held."""
        top = (1 << (self._depth * _BITS)) - 1
        return _count(self._root, max(0, first), min(last, top), self._depth - 1)

    @classmethod
    def of(cls, numbers: Iterable[int], *, width_bits: int) -> "Occupied":
        """Build the set of ``numbers`` at once; equal to holding them one by one."""
        empty = cls(width_bits=width_bits)
        ordered = sorted(numbers)
        return empty._with_root(_built(ordered, empty._depth - 1)) if ordered else empty

    def _with_root(self, root: _Node) -> "Occupied":
        following = Occupied(width_bits=self._depth * _BITS)
        following._root = root
        return following


def _is_full(node: _Node) -> bool:
    return (node if isinstance(node, int) else node.full) == _ALL


def _set(node: _Node, number: int, level: int, *, held: bool) -> _Node:
    slot = (number >> (level * _BITS)) & (_FANOUT - 1)
    bit = 1 << slot
    if isinstance(node, int):
        return node | bit if held else node & ~bit
    empty: _Node = 0 if level == 1 else _Branch({}, 0)
    child = _set(node.children.get(slot, empty), number, level - 1, held=held)
    children = {**node.children, slot: child}
    if child == 0 or (isinstance(child, _Branch) and not child.children):
        del children[slot]
    return _Branch(children, node.full | bit if _is_full(child) else node.full & ~bit)


def _built(numbers: Iterable[int], level: int) -> _Node:
    """Make the node of sorted numbers that differ in their last ``level`` + 1 digits only."""
    if level == 0:
        mask = 0
        for number in numbers:
            mask |= 1 << (number & (_FANOUT - 1))
        return mask
    children: dict[int, _Node] = {}
    full = 0
    for slot, below in groupby(numbers, lambda number: number >> (level * _BITS) & (_FANOUT - 1)):
        children[slot] = _built(below, level - 1)
        full |= _is_full(children[slot]) << slot
    return _Branch(children, full)


def _next(node: _Node, low: int, level: int, *, held: bool) -> int | None:
    """Find the lowest number from ``low`` in a node that is held, or that is not."""
    shift = level * _BITS
    slot = low >> shift
    if isinstance(node, int):
        return _lowest(node if held else ~node & _ALL, slot)
    if slot in node.children:
        rest = low & ((1 << shift) - 1)
        within = _next(node.children[slot], rest, level - 1, held=held)
        if within is not None:
            return slot << shift | within
    elif not held:
        return low
    if held:
        following = min((place for place in node.children if place > slot), default=None)
    else:
        following = _lowest(~node.full & _ALL, slot + 1)
    if following is None:
        return None
    child = node.children.get(following)
    within = 0 if child is None else _next(child, 0, level - 1, held=held)
    assert within is not None, "a child that is not full has a gap, and one that is kept a number"
    return following << shift | within


def _count(node: _Node, low: int, high: int, level: int) -> int:
    """Count the numbers from ``low`` to ``high`` in a node that are held."""
    if low > high:
        return 0
    shift = level * _BITS
    if isinstance(node, int):
        return (node >> low & ((1 << (high - low + 1)) - 1)).bit_count()
    whole = (1 << shift) - 1
    first, last = low >> shift, high >> shift
    return sum(
        _count(
            child,
            low & whole if slot == first else 0,
            high & whole if slot == last else whole,
            level - 1,
        )
        for slot, child in node.children.items()
        if first <= slot <= last
    )


def _lowest(mask: int, start: int) -> int | None:
    rest = mask >> start << start
    return (rest & -rest).bit_length() - 1 if rest else None
