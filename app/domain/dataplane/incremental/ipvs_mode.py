"""IPVS mode: a node's operations from one revision to a later one, at the cost of the change.

    rules of the touched Services, before and after -> fragments -> plan, in pieces

Nodes that see a change alike get the same pieces, made once.  What fragments are is
``ipvs.state``'s concern, and in which order operations are safe is ``ipvs.plan``'s.

Source: spec ipvs 7, "do better" (a).
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from app.domain.bounded import Bounded
from app.domain.dataplane.incremental.set_sizes import SetCounter, SetSizes
from app.domain.dataplane.incremental.shared import MadeOnce, Seen, Shared
from app.domain.dataplane.incremental.source import RulesSource
from app.domain.dataplane.incremental.step import Step
from app.domain.dataplane.ipvs.ipsets import FAMILY_WORDS, SETS_BY_KERNEL_NAME
from app.domain.dataplane.ipvs.iptables import Netfilter
from app.domain.dataplane.ipvs.operations import HeldSet, IPVSState, Operation, state_of
from app.domain.dataplane.ipvs.plan import Bracket, plan, plan_sets, plan_virtual_servers
from app.domain.dataplane.ipvs.state import (
    Fragment,
    IPVSRules,
    fragment,
    gather_entries,
    join,
    sharing,
)
from app.domain.dataplane.rules.node_facts import NodeFacts
from app.domain.dataplane.rules.node_rules import assemble
from app.domain.names import Revision
from app.domain.objects.meta import ObjectMeta
from app.domain.objects.node import Node
from app.domain.snapshot import Snapshot

Parts = tuple[tuple[Operation, ...], ...]
"""A plan in pieces that follow each other; equal pieces of several nodes are one object."""


class IPVSMode:
    """Plans of every node in IPVS mode, from fragments made once."""

    def __init__(self, source: RulesSource) -> None:
        self._source = source
        self._fragments = fragments_of(source)
        self._counter = SetCounter(source, self._fragments)
        self._sizes: Bounded[str, SetSizes] = Bounded(source.bounds.nodes)
        self._plans: MadeOnce[Bracket] = MadeOnce(source.bounds.plans)

    @property
    def is_prepared(self) -> bool:
        """Whether the next question can take no longer than the change that it is about."""
        return self._counter.has_counted

    def prepare(self, snapshot: Snapshot) -> None:
        """Make what nodes share, at the cost of what differs from what was prepared last."""
        # All nodes without endpoints get the same, whether or not there is one.
        self._counter.follow(snapshot, self._source.node(snapshot, Node(metadata=ObjectMeta())))

    def rules(self, snapshot: Snapshot, node: NodeFacts) -> IPVSRules:
        """Give everything that a node holds at a snapshot."""
        fragments = self._fragments.of(self._source.every(snapshot), node)
        neutral = assemble((each.rules for each in fragments), node, snapshot, self._source.config)
        rules = join(fragments, neutral)
        self._sizes[node.name] = SetSizes.of(rules, node)
        return rules

    def whole(self, snapshot: Snapshot, node: NodeFacts) -> Parts:
        """Plan everything, for a node that holds nothing."""
        return (plan(IPVSState(), state_of(self.rules(snapshot, node))),)

    def between(self, step: Step, before: NodeFacts, node: NodeFacts) -> Parts:
        """Plan the way from everything before a step to everything after it."""
        current = state_of(self.rules(step.before, before))
        return (plan(current, state_of(self.rules(step.after, node))),)

    def part(self, step: Step, node: NodeFacts) -> Parts:
        """Plan for the touched Services alone."""
        before, after = (
            self._fragments.of(self._source.some(snapshot, step.touched), node)
            for snapshot in (step.before, step.after)
        )
        sets, held = Bracket(), self._sizes_at(step.before.revision, node)
        if _have_same_entries(before, after):
            if held is not None:
                self._sizes[node.name] = replace(held, revision=step.after.revision)
        else:
            if held is not None:
                wanted = held.moved(before, after, step.after.revision)
            else:
                # Two may ask for one node, as when an agent has started again.
                known = self._sizes_at(step.after.revision, node)
                wanted = known or self._counter.sizes(step.after, node)
                held = wanted.moved(after, before, step.before.revision)
            self._sizes[node.name] = wanted
            if not held.keeps_sizes(wanted, after):
                return self.between(step, node, node)
            config = self._source.config
            sets = self._sets(before, after, held.netfilters(config), wanted.netfilters(config))
        servers = self._virtual_servers(before, after)
        return sets.opening, servers.opening, sets.closing, servers.closing

    def _sets(
        self,
        before: Sequence[Fragment],
        after: Sequence[Fragment],
        held: tuple[Netfilter, ...],
        wanted: tuple[Netfilter, ...],
    ) -> Bracket:
        def planned() -> Bracket:
            used = {name for each in (*before, *after) for name, _ in each.entries}
            names = [name for name in SETS_BY_KERNEL_NAME if name in used]
            return plan_sets(_sets_of(before, held, names), _sets_of(after, wanted, names))

        entries = [[each.entries for each in side] for side in (before, after)]
        return self._plans.of(entries, (held, wanted), planned)

    def _virtual_servers(self, before: Sequence[Fragment], after: Sequence[Fragment]) -> Bracket:
        return self._plans.of(
            [
                [part for each in side for part in (each.served, each.addresses)]
                for side in (before, after)
            ],
            None,
            lambda: plan_virtual_servers(_virtual_servers_of(before), _virtual_servers_of(after)),
        )

    def _sizes_at(self, revision: Revision, node: NodeFacts) -> SetSizes | None:
        """Give the sizes at a revision, if it is the one that the node was last told of."""
        known = self._sizes.get(node.name)
        if known is None or known.revision != revision or known.node != node:
            return None
        return known


def fragments_of(source: RulesSource) -> Shared[Fragment]:
    """Make fragments of the rules that a source has."""

    def make(seen: Sequence[Seen], node: NodeFacts) -> list[Fragment]:
        return [fragment(rules, node.families) for rules in source.rules.each(seen, node)]

    return Shared(make, sharing, traits_max=source.bounds.traits)


def _sets_of(
    fragments: Iterable[Fragment], netfilters: Iterable[Netfilter], names: Iterable[str]
) -> IPVSState:
    """Give what lets the traffic of a few Services through, as a state with the named sets."""
    entries = gather_entries(fragments)
    kinds = {name: SETS_BY_KERNEL_NAME[name] for name in names}
    return IPVSState(
        has_interface=True,
        ipsets={
            name: HeldSet(set_.type, FAMILY_WORDS[family], None, frozenset(entries.get(name, ())))
            for name, (set_, family) in kinds.items()
        },
        netfilters={netfilter.family: netfilter for netfilter in netfilters},
    )


def _virtual_servers_of(fragments: Sequence[Fragment]) -> IPVSState:
    """Give what attracts the traffic of a few Services, as a state."""
    return IPVSState(
        has_interface=True,
        addresses=frozenset(address for each in fragments for _, _, address in each.addresses),
        servers={server.key: server for each in fragments for _, server in each.served},
    )


def _have_same_entries(before: Sequence[Fragment], after: Sequence[Fragment]) -> bool:
    """Whether nothing that sets or filter rules depend on differs, as when endpoints move."""
    return len(before) == len(after) and all(
        old is new or (old.entries == new.entries and old.rejecting == new.rejecting)
        for old, new in zip(before, after, strict=True)
    )
