"""The keys of many objects in order, sorted in pieces that yield to the event loop.

    Snapshot, a term of its index -> its keys, sorted

Sorting 100,000 keys takes a third of a second, so runs are sorted and then merged, a piece at
a time.  Long results are kept for the next page, and for watches that begin at the same
revision; they hold keys alone and keep no snapshot in memory.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice

from app.domain.fields import FieldSelector
from app.domain.labels import EVERYTHING, Selector
from app.domain.names import NamespacedName, Revision
from app.domain.objects.resource import AnyResource, Object
from app.domain.snapshot import Snapshot, Term
from app.registry.yielding_lock import YieldingLock

KEYS_A_PIECE = 2_048  # keys sorted, merged or matched before yielding to the event loop
KEYS_REMEMBERED_MAX = 500_000  # in all orders together; eight octets each
EVERY_FIELD = FieldSelector()

_Known = tuple[int, Revision, str, Term]


class Ordering:
    """Sorts keys, and keeps the long results that were used last."""

    def __init__(self, lock: YieldingLock, *, keys_max: int = KEYS_REMEMBERED_MAX) -> None:
        """Sort under ``lock``; remember at most ``keys_max`` keys."""
        self._lock = lock
        self._keys_max = keys_max
        self._known: OrderedDict[_Known, Sequence[NamespacedName]] = OrderedDict()
        self._making = asyncio.Lock()

    async def keys(
        self, snapshot: Snapshot, kind: AnyResource, term: Term, *, epoch: int
    ) -> Sequence[NamespacedName]:
        """Sort the keys of a kind under an index term; the empty term has all of the kind.

        The same revision in another ``epoch`` of the view is another state.
        """
        keys = snapshot.members(*term) if term else snapshot.of(kind)
        if len(keys) <= KEYS_A_PIECE:
            return sorted(keys)
        place = (epoch, snapshot.revision, kind.name, term)
        async with self._making:  # concurrent requests for the same order wait for one result
            ordered = self._known.get(place)
            if ordered is None:
                ordered = self._known[place] = await in_order(keys, self._lock)
            self._known.move_to_end(place)
            self._forget()
        return ordered

    def _forget(self) -> None:
        while sum(map(len, self._known.values())) > self._keys_max:
            self._known.popitem(last=False)


async def in_order(
    keys: Collection[NamespacedName], lock: YieldingLock
) -> Sequence[NamespacedName]:
    """Sort any number of keys, a piece at a time."""
    runs: list[list[NamespacedName]] = []
    unsorted = iter(keys)
    for _ in range(0, len(keys), KEYS_A_PIECE):
        async with lock:
            runs.append(sorted(islice(unsorted, KEYS_A_PIECE)))
    merged, ordered = merge(*runs), list[NamespacedName]()
    while len(ordered) < len(keys):
        async with lock:
            ordered.extend(islice(merged, KEYS_A_PIECE))
    return ordered


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A namespace, or all if empty, and selectors; hashable.

    ``namespaces`` are those that the caller may see; None is all of them.
    """

    namespace: str = ""
    namespaces: frozenset[str] | None = None
    labels: Selector = EVERYTHING
    fields: FieldSelector = EVERY_FIELD

    def matches(self, registered: Object) -> bool:
        """Whether an object matches; its kind is not examined."""
        meta = registered.metadata
        return (
            (not self.namespace or meta.namespace == self.namespace)
            and self._is_visible(meta.namespace)
            and self.labels.matches(meta.labels)
            and self.fields.matches(registered)
        )

    def _is_visible(self, namespace: str) -> bool:
        return self.namespaces is None or not namespace or namespace in self.namespaces


def narrowest(snapshot: Snapshot, kind: AnyResource, wanted: Filter) -> Term:
    """Choose the index term with the fewest keys that covers every match; empty for all keys."""
    terms: list[Term] = [
        ("label", kind.name, requirement.key, requirement.wanted_value)
        for requirement in wanted.labels.requirements
        if requirement.wanted_value is not None
    ]
    terms.extend(wanted.fields.index_terms(kind))
    if wanted.namespace:
        terms.append((kind.name, wanted.namespace))
    return min(terms, key=lambda term: len(snapshot.members(*term)), default=())
