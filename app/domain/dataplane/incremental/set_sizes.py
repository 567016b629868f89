"""How many entries each ipset of a node has, and which addresses reject there.

    fragments -> SetSizes            SetSizes, fragments out, fragments in -> SetSizes
    Snapshot -> SetCounter: entries on a node without endpoints, once, then what differs
    SetCounter, NodeFacts -> SetSizes: that, but for the Services which the node sees otherwise

Filter rules depend on which sets hold anything, and a set that outgrows its size must be
replaced; both follow from all Services together.  Kept for each node, so that the effect of
a few Services is known without looking at the rest.  A thousand nodes differ from each other
in a hundred Services each: those with endpoints or hints there, and those at node ports or
external addresses.  Not shared between threads.  Source: spec ipvs 5.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from app.domain.addresses import IPFamily
from app.domain.dataplane.incremental.service_version import (
    ELSEWHERE,
    ServiceVersion,
    traits_of,
)
from app.domain.dataplane.incremental.shared import Shared
from app.domain.dataplane.incremental.source import RulesSource
from app.domain.dataplane.incremental.step import differing
from app.domain.dataplane.ipvs.ipsets import SETS_BY_KERNEL_NAME, Entry, SetType, elements_max
from app.domain.dataplane.ipvs.iptables import Netfilter, RejectingAddress
from app.domain.dataplane.ipvs.state import Fragment, IPVSRules, gather_entries, netfilters_of
from app.domain.dataplane.rules.model import RulesConfig
from app.domain.dataplane.rules.node_facts import NodeFacts
from app.domain.names import REVISION_ZERO, NamespacedName, Revision
from app.domain.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class SetSizes:
    """Entries by set, and rejecting addresses, of one node at one revision."""

    node: NodeFacts
    revision: Revision
    counts: Mapping[str, int]
    rejecting: frozenset[tuple[IPFamily, RejectingAddress]]

    @classmethod
    def of(cls, rules: IPVSRules, node: NodeFacts) -> "SetSizes":
        """Count what all Services of a node add up to."""
        return cls(
            node,
            rules.rules.revision,
            {ipset.name: len(ipset.entries) for ipset in rules.ipsets if ipset.entries},
            frozenset((n.family, address) for n in rules.netfilters for address in n.rejecting),
        )

    def moved(
        self, leaving: Sequence[Fragment], coming: Sequence[Fragment], revision: Revision
    ) -> "SetSizes":
        """Count again after some Services changed; what they share with others is in both."""
        counts = Counter(self.counts)
        counts.subtract({name: len(held) for name, held in gather_entries(leaving).items()})
        counts.update({name: len(held) for name, held in gather_entries(coming).items()})
        rejecting = (self.rejecting - _rejecting(leaving)) | _rejecting(coming)
        counts = {name: count for name, count in counts.items() if count}
        return replace(self, revision=revision, counts=counts, rejecting=rejecting)

    def netfilters(self, config: RulesConfig) -> tuple[Netfilter, ...]:
        """Give the filter rules of each family."""
        return netfilters_of(self.node.families, config, self.counts, self.rejecting)

    def keeps_sizes(self, following: "SetSizes", coming: Sequence[Fragment]) -> bool:
        """Whether every set keeps its size, and has room for what comes beside what goes."""
        added = sum(len(each.entries) for each in coming)
        for name in self.counts.keys() | following.counts.keys():
            if SETS_BY_KERNEL_NAME[name][0].type is SetType.PORT:
                continue
            held, size = self.counts.get(name, 0), elements_max(self.counts.get(name, 0))
            if size != elements_max(following.counts.get(name, 0)) or held + added > size:
                return False
        return True


class SetCounter:
    """Counts what the Services of a snapshot put into sets."""

    def __init__(self, source: RulesSource, fragments: Shared[Fragment]) -> None:
        self._source, self._fragments = source, fragments
        self._snapshot = Snapshot()
        # On a node without endpoints: what each Service adds, by how many an entry is
        # wanted, and how many entries each set has.
        self._elsewhere: dict[NamespacedName, tuple[Entry, ...]] = {}
        self._wanted: Counter[Entry] = Counter()
        self._sizes: Counter[str] = Counter()
        # Which Services are looked at for which nodes beside that.
        self._versions: dict[NamespacedName, ServiceVersion] = {}
        self._keys_by_node: defaultdict[str, set[NamespacedName]] = defaultdict(set)
        self._keys_by_zone: defaultdict[str, set[NamespacedName]] = defaultdict(set)
        self._keys_everywhere: set[NamespacedName] = set()

    @property
    def has_counted(self) -> bool:
        """Whether everything has been looked at once."""
        return self._snapshot.revision > REVISION_ZERO

    def follow(self, snapshot: Snapshot, node: NodeFacts) -> None:
        """Bring the counts up to a snapshot, at the cost of what differs."""
        if self._snapshot is snapshot:
            return
        versions = self._source.every(snapshot).versions
        keys = sorted(differing(self._snapshot, snapshot))
        for key in keys:
            self._forget(key)
        present = [key for key in keys if key in versions]
        for key in present:
            self._versions[key] = versions[key]
            for index in self._indexes(versions[key]):
                index.add(key)
        alike = [key for key in present if versions[key].is_mostly_alike]
        fragments = self._fragments.each([(versions[key], ELSEWHERE) for key in alike], node)
        for key, fragment in zip(alike, fragments, strict=True):
            self._elsewhere[key] = fragment.entries
            for entry in fragment.entries:
                self._wanted[entry] += 1
                self._sizes[entry[0]] += self._wanted[entry] == 1
        self._snapshot = snapshot

    def sizes(self, snapshot: Snapshot, node: NodeFacts) -> SetSizes:
        """Count for one node."""
        self.follow(snapshot, node)
        here, in_zone = self._keys_by_node.get(node.name), self._keys_by_zone.get(node.zone)
        apart = sorted(self._keys_everywhere.union(here or (), in_zone or ()))
        versions = [self._versions[key] for key in apart]
        made = self._fragments.each([(each, traits_of(each, node)) for each in versions], node)
        changes = Counter[Entry]()
        for key, fragment in zip(apart, made, strict=True):
            changes.subtract(self._elsewhere.get(key, ()))
            changes.update(fragment.entries)
        sizes = Counter(self._sizes)
        for entry, change in changes.items():
            was = self._wanted[entry]
            sizes[entry[0]] += (was + change > 0) - (was > 0)
        counts = {name: size for name, size in sizes.items() if size}
        return SetSizes(node, snapshot.revision, counts, _rejecting(made))

    def _indexes(self, version: ServiceVersion) -> list[set[NamespacedName]]:
        if not version.is_mostly_alike:
            return [self._keys_everywhere]
        nodes, zones = self._keys_by_node, self._keys_by_zone
        return [*(nodes[name] for name in version.nodes), *(zones[name] for name in version.zones)]

    def _forget(self, key: NamespacedName) -> None:
        if (version := self._versions.pop(key, None)) is not None:
            for index in self._indexes(version):
                index.discard(key)
        for entry in self._elsewhere.pop(key, ()):
            self._wanted[entry] -= 1
            if not self._wanted[entry]:
                del self._wanted[entry]
                self._sizes[entry[0]] -= 1


def _rejecting(fragments: Iterable[Fragment]) -> frozenset[tuple[IPFamily, RejectingAddress]]:
    return frozenset(pair for each in fragments for pair in each.rejecting)
