"""What of a node's rules depends on all Services together: which sets hold anything, and how much.

    fragments -> Totals                     Totals, fragments out, fragments in -> Totals

Kept for each node, so that the effect of a few Services on filter rules and on the
size of sets is known without looking at the rest.  Source: spec ipvs 5.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.domain.addresses import IPFamily
from app.domain.dataplane.ipsets import SETS_BY_KERNEL_NAME, SetType, elements_max, family_word
from app.domain.dataplane.iptables import Netfilter, Shut
from app.domain.dataplane.ipvs import Fragment, IPVSRules, gather_entries, netfilters_of
from app.domain.dataplane.operations import HeldSet, IPVSState
from app.domain.dataplane.rules import RulesConfig
from app.domain.dataplane.service_rules import NodeView
from app.domain.names import Revision


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
