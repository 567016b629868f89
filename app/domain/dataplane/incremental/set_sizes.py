"""What of a node's rules depends on all Services together: which sets hold anything, and how much.

    fragments -> Totals                     Totals, fragments out, fragments in -> Totals
    Snapshot -> Tally: entries on a node that plays no part in anything, once, then what differs
    Tally, NodeView -> Totals: that, but for the Services which the node sees otherwise

Kept for each node, so that the effect of a few Services on filter rules and on the size of
sets is known without looking at the rest.  A thousand nodes differ from each other in a
hundred Services each: those with endpoints or hints there, and those at node ports or
external addresses.  Not shared between threads.  Source: spec ipvs 5.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.domain.addresses import IPFamily
from app.domain.dataplane.incremental.rules_cache import RulesCache, Version, differing
from app.domain.dataplane.ipvs.ipsets import (
    SETS_BY_KERNEL_NAME,
    Entry,
    SetType,
    elements_max,
    family_word,
)
from app.domain.dataplane.ipvs.iptables import Netfilter, Shut
from app.domain.dataplane.ipvs.operations import HeldSet, IPVSState
from app.domain.dataplane.ipvs.state import Fragment, IPVSRules, gather_entries, netfilters_of
from app.domain.dataplane.rules.model import RulesConfig
from app.domain.dataplane.rules.service_rules import (
    NodeView,
    Place,
    is_mostly_alike,
    places_at,
    places_of,
)
from app.domain.names import REVISION_ZERO, NamespacedName, Revision
from app.domain.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Totals:
    """Entries by set, and shut addresses, of one node at one revision."""

    view: NodeView
    revision: Revision
    counts: Mapping[str, int]
    shut: frozenset[tuple[IPFamily, Shut]]

    @classmethod
    def of(cls, rules: IPVSRules, view: NodeView) -> "Totals":
        """Count what all Services of a node add up to."""
        return cls(
            view,
            rules.rules.revision,
            {ipset.name: len(ipset.entries) for ipset in rules.ipsets if ipset.entries},
            frozenset((n.family, shut) for n in rules.netfilters for shut in n.shut),
        )

    def at(self, revision: Revision) -> "Totals":
        """Give the same at another revision."""
        return Totals(self.view, revision, self.counts, self.shut)

    def moved(
        self, leaving: Sequence[Fragment], coming: Sequence[Fragment], revision: Revision
    ) -> "Totals":
        """Count again after some Services changed; what they share with others is in both."""
        counts = Counter(self.counts)
        counts.subtract({name: len(held) for name, held in gather_entries(leaving).items()})
        counts.update({name: len(held) for name, held in gather_entries(coming).items()})
        shut = (self.shut - _shut(leaving)) | _shut(coming)
        return Totals(self.view, revision, {n: c for n, c in counts.items() if c}, shut)

    def netfilters(self, config: RulesConfig) -> tuple[Netfilter, ...]:
        """Give the filter rules of each family."""
        return netfilters_of(self.view.families, config, self.counts, self.shut)

    def keeps_sizes(self, following: "Totals", coming: Sequence[Fragment]) -> bool:
        """Whether every set keeps its size, and has room for what comes beside what goes."""
        added = sum(len(each.entries) for each in coming)
        for name in self.counts.keys() | following.counts.keys():
            if SETS_BY_KERNEL_NAME[name][0].type is SetType.PORT:
                continue
            held, size = self.counts.get(name, 0), elements_max(self.counts.get(name, 0))
            if size != elements_max(following.counts.get(name, 0)) or held + added > size:
                return False
        return True


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


def gates_of(
    fragments: Sequence[Fragment], netfilters: Iterable[Netfilter], names: Iterable[str]
) -> IPVSState:
    """Give what lets the traffic of a few Services through, as a state with the named sets."""
    entries = gather_entries(fragments)
    return IPVSState(
        has_interface=True,
        ipsets={name: _held(name, entries.get(name, ())) for name in names},
        netfilters={netfilter.family: netfilter for netfilter in netfilters},
    )


def servers_of(fragments: Sequence[Fragment]) -> IPVSState:
    """Give what attracts the traffic of a few Services, as a state."""
    return IPVSState(
        has_interface=True,
        addresses=frozenset(address for each in fragments for _, _, address in each.addresses),
        servers={server.key: server for each in fragments for server in each.virtual_servers},
    )


def set_names(*fragments: Sequence[Fragment]) -> list[str]:
    """List the sets that fragments have entries in, in the order of all sets."""
    used = {name for some in fragments for each in some for name, _ in each.entries}
    return [name for name in SETS_BY_KERNEL_NAME if name in used]


def _held(name: str, entries: Iterable[str]) -> HeldSet:
    set_name, family = SETS_BY_KERNEL_NAME[name]
    return HeldSet(set_name.type, family_word(family), None, frozenset(entries))


def _shut(fragments: Iterable[Fragment]) -> frozenset[tuple[IPFamily, Shut]]:
    return frozenset(shut for each in fragments for shut in each.shut)
