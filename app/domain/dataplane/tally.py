"""How many entries each set of a node has, without a look at all of its Services.

    Snapshot -> entries on a node that plays no part in anything    (once, then what differs)
    NodeView -> Totals: that, but for the Services which the node sees otherwise

A thousand nodes differ from each other in a hundred Services each: those with endpoints
or hints there, and those at node ports or external addresses.  Not shared between threads.
"""

from collections import Counter

from app.domain.dataplane.ipsets import Entry
from app.domain.dataplane.ipvs import Fragment
from app.domain.dataplane.rules_cache import RulesCache, Version, differing
from app.domain.dataplane.service_rules import (
    NodeView,
    Place,
    is_mostly_alike,
    places_at,
    places_of,
)
from app.domain.dataplane.totals import Totals
from app.domain.names import REVISION_ZERO, NamespacedName
from app.domain.snapshot import Snapshot


class Tally:
    """Counts what the Services of a snapshot put into sets."""

    def __init__(self, cache: RulesCache[Fragment]) -> None:
        self._cache = cache
        self._snapshot = Snapshot()
        self._versions: dict[NamespacedName, Version[Fragment]] = {}
        self._keys_by_place: dict[Place, set[NamespacedName]] = {}
        # On a node that plays no part: what each Service adds, by how many an entry is
        # wanted, and how many entries each set has.
        self._elsewhere: dict[NamespacedName, Fragment] = {}
        self._wanted: Counter[Entry] = Counter()
        self._sizes: Counter[str] = Counter()

    @property
    def has_counted(self) -> bool:
        """Whether everything has been looked at once."""
        return self._snapshot.revision > REVISION_ZERO

    def follow(self, snapshot: Snapshot, view: NodeView) -> None:
        """Bring everything up to a snapshot, at the cost of what differs."""
        if self._snapshot is snapshot:
            return
        keys = sorted(differing(self._snapshot, snapshot))
        for key in keys:
            self._forget(key)
        found = self._cache.versions_at(snapshot, keys)
        visible = {key: version for key, version in found.items() if version.facts.ports}
        self._versions.update(visible)
        for key, version in visible.items():
            for place in places_of(version.facts):
                self._keys_by_place.setdefault(place, set()).add(key)
        plain = [key for key, version in visible.items() if is_mostly_alike(version.facts)]
        fragments = self._cache.made_elsewhere([visible[key] for key in plain], view)
        self._elsewhere.update(zip(plain, fragments, strict=True))
        for fragment in fragments:
            for entry in fragment.entries:
                self._wanted[entry] += 1
                self._sizes[entry[0]] += self._wanted[entry] == 1
        self._snapshot = snapshot

    def totals(self, snapshot: Snapshot, view: NodeView) -> Totals:
        """Count for one node."""
        self.follow(snapshot, view)
        keys = self._seen_otherwise(view)
        made = self._cache.made([self._versions[key] for key in keys], view)
        changes = Counter[Entry]()
        for key, fragment in zip(keys, made, strict=True):
            changes.subtract(self._entries(key))
            changes.update(fragment.entries)
        sizes = Counter(self._sizes)
        for entry, change in changes.items():
            was = self._wanted[entry]
            sizes[entry[0]] += (was + change > 0) - (was > 0)
        counts = {name: size for name, size in sizes.items() if size}
        shut = frozenset(pair for fragment in made for pair in fragment.shut)
        return Totals(view, snapshot.revision, counts, shut)

    def _seen_otherwise(self, view: NodeView) -> list[NamespacedName]:
        return sorted({key for at in places_at(view) for key in self._keys_by_place.get(at, ())})

    def _forget(self, key: NamespacedName) -> None:
        version = self._versions.pop(key, None)
        for place in () if version is None else places_of(version.facts):
            self._keys_by_place[place].discard(key)
        for entry in self._entries(key):
            self._wanted[entry] -= 1
            if not self._wanted[entry]:
                del self._wanted[entry]
                self._sizes[entry[0]] -= 1
        self._elsewhere.pop(key, None)

    def _entries(self, key: NamespacedName) -> tuple[Entry, ...]:
        fragment = self._elsewhere.get(key)
        return () if fragment is None else fragment.entries
