"""A persistent mapping: a new version costs as much as the change, not as the whole.

A snapshot of the registry has several of these; a writer makes the next snapshot
while readers keep theirs.  What is stored is not known here.

    PMap --set/remove--> PMap        (O(log n), the rest is shared)

A hash trie: a leaf is a small dict, a branch a tuple of 32 children chosen by
five bits of the key's hash.  A mapping of one entry, of which an index has very
many, is stored without a dict.  Source: Bagwell, "Ideal Hash Trees", 2001.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Generic, TypeAlias, TypeVar, overload

K = TypeVar("K")
V = TypeVar("V")
_D = TypeVar("_D")

_BITS = 5
_FANOUT = 1 << _BITS
_LEAF_MAX = 48  # entries of a leaf before it splits; copying this many costs under a microsecond
_DEPTH_MAX = 12  # five bits a level use up a 60-bit hash; below that a leaf just grows


class _Single(Generic[K, V]):
    __slots__ = ("key", "value")

    def __init__(self, key: K, value: V) -> None:
        self.key, self.value = key, value


_Node: TypeAlias = "dict[K, V] | tuple[_Node[K, V], ...] | _Single[K, V]"


class PMap(Mapping[K, V], Generic[K, V]):
    """A persistent ``Mapping``; iteration order is arbitrary, so sort what you output."""

    __slots__ = ("_root", "_size")

    def __init__(self, entries: Mapping[K, V] | Iterable[tuple[K, V]] = ()) -> None:
        leaf: dict[K, V] = dict(entries)
        self._root: _Node[K, V] = _built(leaf, depth=0)
        self._size = len(leaf)

    @classmethod
    def over(cls, entries: dict[K, V]) -> "PMap[K, V]":
        """Make the mapping of a dict without a copy; the caller must not use the dict again."""
        mapping: PMap[K, V] = cls()
        mapping._root, mapping._size = _built(entries, depth=0), len(entries)
        return mapping

    def __getitem__(self, key: K) -> V:
        node = self._root
        if type(node) is dict:
            return node[key]
        bits = hash(key)
        while type(node) is tuple:
            node = node[bits & (_FANOUT - 1)]
            bits >>= _BITS
        return node[key] if type(node) is dict else _dict_of(node)[key]

    @overload
    def get(self, key: K, /) -> V | None: ...
    @overload
    def get(self, key: K, /, default: V) -> V: ...
    @overload
    def get(self, key: K, /, default: _D) -> V | _D: ...
    def get(self, key: K, /, default: object = None) -> object:
        """Look ``key`` up without the cost of an exception when it is absent."""
        node = self._root
        bits = hash(key)
        while type(node) is tuple:
            node = node[bits & (_FANOUT - 1)]
            bits >>= _BITS
        return (node if type(node) is dict else _dict_of(node)).get(key, default)

    def __contains__(self, key: object) -> bool:
        node = self._root
        bits = hash(key)
        while type(node) is tuple:
            node = node[bits & (_FANOUT - 1)]
            bits >>= _BITS
        return key in (node if type(node) is dict else _dict_of(node))

    def __iter__(self) -> Iterator[K]:
        root = self._root
        return iter((root.key,)) if type(root) is _Single else _keys(root)

    def __len__(self) -> int:
        return self._size

    def entries(self) -> Iterator[tuple[K, V]]:
        """Give each key with its value, in the order of ``iter``, without look-ups."""
        return _entries(self._root)

    def set(self, key: K, value: V) -> "PMap[K, V]":
        """Return the mapping with ``key`` set to ``value``."""
        root, grown = _with(self._root, key, value, hash(key), 0)
        return self._next(root, self._size + grown)

    def remove(self, key: K) -> "PMap[K, V]":
        """Return the mapping without ``key``; the same mapping when it was absent."""
        if key not in self:
            return self
        root = _without(self._root, key, hash(key))
        return self._next(_built(root, depth=0) if type(root) is dict else root, self._size - 1)

    def differences(self, following: "PMap[K, V]") -> Iterator[K]:
        """List the keys whose values are not the same object; shared parts cost nothing."""
        return _differences(self._root, following._root)  # noqa: SLF001  of the same class

    def _next(self, root: "_Node[K, V]", size: int) -> "PMap[K, V]":
        following: PMap[K, V] = object.__new__(type(self))  # the constructor would build a trie
        following._root, following._size = root, size
        return following


def _differences(before: "_Node[K, V]", after: "_Node[K, V]") -> Iterator[K]:
    if type(before) is tuple and type(after) is tuple:
        for old, new in zip(before, after, strict=True):
            if old is not new:
                yield from _differences(old, new)
        return
    held, wanted = dict(_entries(before)), dict(_entries(after))
    missing = object()
    for key, value in held.items():
        if wanted.get(key, missing) is not value:
            yield key
    yield from wanted.keys() - held.keys()


def _entries(node: "_Node[K, V]") -> Iterator[tuple[K, V]]:
    if type(node) is tuple:
        for child in node:
            yield from _entries(child)
    else:
        yield from _dict_of(node).items()


def _dict_of(leaf: "_Node[K, V]") -> dict[K, V]:
    if type(leaf) is dict:
        return leaf
    assert type(leaf) is _Single
    return {leaf.key: leaf.value}


def _built(entries: dict[K, V], *, depth: int) -> "_Node[K, V]":
    if len(entries) == 1 and depth == 0:
        return _Single(*next(iter(entries.items())))
    if len(entries) <= _LEAF_MAX or depth == _DEPTH_MAX:
        return entries
    parts: list[dict[K, V]] = [{} for _ in range(_FANOUT)]
    shift = depth * _BITS
    for key, value in entries.items():
        parts[(hash(key) >> shift) & (_FANOUT - 1)][key] = value
    return tuple(_built(part, depth=depth + 1) for part in parts)


def _with(
    node: "_Node[K, V]", key: K, value: V, bits: int, depth: int
) -> tuple["_Node[K, V]", int]:
    if type(node) is not tuple:
        held = _dict_of(node)
        entries = held.copy()  # a third of the time of writing it anew
        entries[key] = value
        return _built(entries, depth=depth), len(entries) - len(held)
    place = bits & (_FANOUT - 1)
    child, grown = _with(node[place], key, value, bits >> _BITS, depth + 1)
    return _with_child(node, place, child), grown


def _without(node: "_Node[K, V]", key: K, bits: int) -> "_Node[K, V]":
    if type(node) is not tuple:
        return {kept: value for kept, value in _dict_of(node).items() if kept != key}
    place = bits & (_FANOUT - 1)
    return _with_child(node, place, _without(node[place], key, bits >> _BITS))


def _with_child(
    branch: tuple["_Node[K, V]", ...], place: int, child: "_Node[K, V]"
) -> "_Node[K, V]":
    children = list(branch)  # quicker than joining parts of the tuple
    children[place] = child
    return tuple(children)


def _keys(node: "_Node[K, V]") -> Iterator[K]:
    if type(node) is tuple:
        for child in node:
            yield from _keys(child)
    else:
        yield from _dict_of(node)
