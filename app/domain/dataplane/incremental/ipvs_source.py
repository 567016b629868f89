"""A node's operations from one revision to a later one, at the cost of the change.

    Step, Node -> fragments of the touched Services, before and after -> plan, health checks

What belongs to other Services cannot differ; so this equals the plan between the
two full states, which is the oracle in tests.  Nodes that see the change alike get
the same plan, made once.  Not shared between threads.

Source: style.md 2, decision 3; spec ipvs 7, "do better" (a).
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Final, NamedTuple

from app.domain.bounded import Bounded
from app.domain.dataplane.incremental.revision_step import Step
from app.domain.dataplane.incremental.rules_cache import RulesCache
from app.domain.dataplane.incremental.set_sizes import (
    Tally,
    Totals,
    gates_of,
    servers_of,
    set_names,
)
from app.domain.dataplane.ipvs.iptables import Netfilter
from app.domain.dataplane.ipvs.operations import IPVSState, Operation, state_of
from app.domain.dataplane.ipvs.plan import Bracket, plan, plan_gates, plan_servers
from app.domain.dataplane.ipvs.state import Fragment, IPVSRules, fragment, join, sharing
from app.domain.dataplane.rules.health_checks import (
    HealthCheckChanges,
    HealthChecks,
    health_check_changes,
    health_checks,
)
from app.domain.dataplane.rules.model import RulesConfig
from app.domain.dataplane.rules.node_rules import NODES_REMEMBERED_MAX, NodeViews, assemble
from app.domain.dataplane.rules.service_rules import NodeView
from app.domain.objects.meta import ObjectMeta
from app.domain.objects.node import Node
from app.domain.snapshot import Snapshot

PLANS_MAX = 512  # parts of plans remembered, each for all nodes that see a change alike

Parts = tuple[tuple[Operation, ...], ...]
"""A plan in pieces that follow each other; equal pieces of several nodes are one object."""


class RulesNews(NamedTuple):
    """What a node is told of a step: operations in pieces, and what load balancers may ask."""

    parts: Parts = ()
    health_checks: HealthCheckChanges = ()


_NOTHING: Final = RulesNews()


class IPVSRulesSource:
    """Rules and deltas of every node, from fragments made once."""

    def __init__(
        self,
        config: RulesConfig,
        *,
        nodes_max: int = NODES_REMEMBERED_MAX,
        plans_max: int = PLANS_MAX,
    ) -> None:
        """Remember the totals of ``nodes_max`` nodes, and ``plans_max`` parts of plans."""
        self.config = config
        self._cache: RulesCache[Fragment] = RulesCache(config, fragment, sharing)
        self._views = NodeViews(config)
        self._tally = Tally(self._cache)
        self._totals: Bounded[str, Totals] = Bounded(nodes_max)
        self._plans: Bounded[Hashable, tuple[object, Bracket]] = Bounded(plans_max)

    def rules(self, snapshot: Snapshot, node: Node) -> IPVSRules:
        """Give everything a node is told at a snapshot."""
        return self._rules(snapshot, self._views.view(snapshot, node))

    def prepare(self, snapshot: Snapshot) -> None:
        """Make what nodes share, at the cost of what differs from what was prepared last."""
        nowhere = Node(metadata=ObjectMeta())  # what it is told, every node without endpoints is
        view = self._views.view(snapshot, nowhere)
        self._cache.prepare(snapshot, view)
        self._tally.follow(snapshot, view)

    @property
    def fragments_made(self) -> int:
        """How many fragments have been made so far, those that are remembered once."""
        return self._cache.made_count

    @property
    def is_prepared(self) -> bool:
        """Whether the next question can take no longer than the change that it is about."""
        return self._tally.has_counted

    def news(self, step: Step, node_before: Node | None, node: Node) -> RulesNews:
        """Plan the way of a node through a step; one that was not there held nothing."""
        if node_before is None:
            rules = self.rules(step.after, node)
            checks = health_checks(rules.rules.services, rules.rules.families)
            planned = plan(IPVSState(), state_of(rules))
            return RulesNews((planned,), health_check_changes({}, checks))
        view_before = self._views.view(step.before, node_before)
        view = self._views.view(step.after, node)
        if view_before != view or step.is_whole:
            return self._whole(step, view_before, view)
        before = self._cache.every(step.before, step.touched, view)
        after = self._cache.every(step.after, step.touched, view)
        if _are_same(before, after):
            self._move_on(step, view)
            return _NOTHING
        checks = health_check_changes(_checks(before, view), _checks(after, view))
        return RulesNews(self._planned(step, view, before, after), checks)

    def _planned(
        self, step: Step, view: NodeView, before: list[Fragment], after: list[Fragment]
    ) -> Parts:
        gates = Bracket()
        if _have_same_entries(before, after):
            self._move_on(step, view)
        else:
            earlier, later = self._totals_around(step, view, before, after)
            if not earlier.keeps_sizes(later, after):
                return self._whole(step, view, view).parts
            netfilters = earlier.netfilters(self.config), later.netfilters(self.config)
            gates = self._gates(before, after, netfilters)
        servers = self._servers(before, after)
        return gates.opening, servers.opening, gates.closing, servers.closing

    def _gates(
        self,
        before: list[Fragment],
        after: list[Fragment],
        netfilters: tuple[tuple[Netfilter, ...], tuple[Netfilter, ...]],
    ) -> Bracket:
        entries = [each.entries for each in before], [each.entries for each in after]

        def planned() -> Bracket:
            names = set_names(before, after)
            return plan_gates(
                gates_of(before, netfilters[0], names), gates_of(after, netfilters[1], names)
            )

        return self._once((*_identities(entries), netfilters), entries, planned)

    def _servers(self, before: list[Fragment], after: list[Fragment]) -> Bracket:
        held = (
            [part for each in before for part in (each.virtual_servers, each.addresses)],
            [part for each in after for part in (each.virtual_servers, each.addresses)],
        )
        return self._once(
            _identities(held),
            held,
            lambda: plan_servers(servers_of(before), servers_of(after)),
        )

    def _once(self, seen: Hashable, kept: object, planned: Callable[[], Bracket]) -> Bracket:
        """Plan once for all nodes to which the same objects lead.

        They are kept too: an identity is only good while its object lives.
        """
        if (known := self._plans.get(seen)) is not None:
            return known[1]
        made = planned()
        self._plans[seen] = (kept, made)
        return made

    def _move_on(self, step: Step, view: NodeView) -> None:
        """Note that nothing a node's totals count has changed."""
        known = self._totals.get(view.name)
        if known is not None and known.revision == step.before.revision and known.view == view:
            self._remember(known.at(step.after.revision))

    def _totals_around(
        self, step: Step, view: NodeView, before: list[Fragment], after: list[Fragment]
    ) -> tuple[Totals, Totals]:
        known = self._totals.get(view.name)
        if known is not None and known.view == view:
            if known.revision == step.before.revision:
                following = known.moved(before, after, step.after.revision)
                self._remember(following)
                return known, following
            if known.revision == step.after.revision:
                return known.moved(after, before, step.before.revision), known
        following = self._tally.totals(step.after, view)
        self._remember(following)
        return following.moved(after, before, step.before.revision), following

    def _remember(self, totals: Totals) -> None:
        self._totals[totals.view.name] = totals

    def _whole(self, step: Step, view_before: NodeView, view: NodeView) -> RulesNews:
        current, desired = self._rules(step.before, view_before), self._rules(step.after, view)
        checks = health_check_changes(
            health_checks(current.rules.services, view_before.families),
            health_checks(desired.rules.services, view.families),
        )
        return RulesNews((plan(state_of(current), state_of(desired)),), checks)

    def _rules(self, snapshot: Snapshot, view: NodeView) -> IPVSRules:
        fragments = self._cache.all(snapshot, view)
        neutral = assemble((each.rules for each in fragments), view, self.config, snapshot)
        rules = join(fragments, neutral)
        self._remember(Totals.of(rules, view))
        return rules


def _checks(fragments: Iterable[Fragment], view: NodeView) -> HealthChecks:
    return health_checks((each.rules for each in fragments), view.families)


def _identities(held: tuple[Sequence[object], Sequence[object]]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(map(id, side)) for side in held)


def _are_same(before: Sequence[Fragment], after: Sequence[Fragment]) -> bool:
    return len(before) == len(after) and all(
        old is new for old, new in zip(before, after, strict=True)
    )


def _have_same_entries(before: Sequence[Fragment], after: Sequence[Fragment]) -> bool:
    """Whether nothing that sets or filter rules depend on differs, as when endpoints move."""
    return len(before) == len(after) and all(
        old is new or (old.entries == new.entries and old.shut == new.shut)
        for old, new in zip(before, after, strict=True)
    )
