"""From one revision to a later one: the operations of a node, at the cost of the change.

    Snapshot before, Snapshot after, changes, Node -> operations

    changes -> Services they touch -> Services that share an address with those
            -> their fragments before and after -> plan

What belongs to other Services cannot differ, and what they share with the touched
ones is looked at from both sides; so this equals the plan between the two full
states, which is the oracle in tests.  Nodes that see the change alike get the same
plan, made once.  Not shared between threads.

Source: style.md 2, decision 3; spec ipvs 7, "do better" (a).
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace

from app.domain.addresses import canonical
from app.domain.changes import Change
from app.domain.dataplane.claims import rivals
from app.domain.dataplane.ipvs import Fragment, IPVSRules, fragment, join
from app.domain.dataplane.node_rules import assemble, node_view
from app.domain.dataplane.operations import IPVSState, Operation, state_of
from app.domain.dataplane.plan import plan
from app.domain.dataplane.reach import reaches
from app.domain.dataplane.rules import RulesConfig
from app.domain.dataplane.rules_cache import RulesCache
from app.domain.dataplane.service_rules import NodeView
from app.domain.dataplane.totals import Part, Totals, set_names
from app.domain.names import NamespacedName, Revision
from app.domain.objects.endpoint_slice import Endpoint, EndpointSlice
from app.domain.objects.node import Node
from app.domain.objects.service import Service
from app.domain.snapshot import Snapshot

_NODES_MAX = 8_192  # nodes whose totals are remembered
_PLANS_MAX = 512  # plans remembered, each for all nodes that see a change alike
_PART_MAX = 512  # touched Services above which whole states may be compared instead,
_WHOLE_SHARE = 4  # if they are more than one in four


@dataclass(frozen=True, slots=True)
class Step:
    """Two states of the registry and what happened in between."""

    before: Snapshot
    after: Snapshot
    touched: frozenset[NamespacedName]
    """Services of which anything may differ, and those that share an address with them."""

    @property
    def is_whole(self) -> bool:
        """Whether so much is touched that comparing everything costs no more."""
        touched = len(self.touched)
        return touched > _PART_MAX and touched * _WHOLE_SHARE > len(self.after.services)


def step_to(after: Snapshot, changes: Sequence[Change], *, since: Revision) -> Step:
    """Tell what led to ``after`` from an earlier revision, given all changes since, in order."""
    inverse = [
        Change(revision=change.revision, before=change.after, after=change.before)
        for change in reversed(changes)
    ]
    before = replace(after.apply(inverse), revision=since)
    touched = services_of(changes)
    sharing = _sharing(before, after, touched) | _sharing_endpoints(before, after, changes)
    return Step(before, after, frozenset(touched | sharing))


def services_of(changes: Iterable[Change]) -> set[NamespacedName]:
    """List the Services that changes concern, by themselves or through a slice."""
    found: set[NamespacedName] = set()
    for change in changes:
        for side in (change.before, change.after):
            if isinstance(side, Service):
                found.add(side.metadata.key)
            elif isinstance(side, EndpointSlice) and side.service is not None:
                found.add(side.service)
    return found


class IPVSRulesSource:
    """Rules and deltas of every node, from fragments made once."""

    def __init__(self, config: RulesConfig) -> None:
        self.config = config
        self._cache: RulesCache[Fragment] = RulesCache(config, fragment)
        self._totals: dict[str, Totals] = {}
        self._plans: dict[Hashable, tuple[object, tuple[Operation, ...]]] = {}

    def rules(self, snapshot: Snapshot, node: Node) -> IPVSRules:
        """Give everything a node is told at a snapshot."""
        return self._rules(snapshot, node_view(snapshot, node, self.config))

    def delta(self, step: Step, node_before: Node | None, node: Node) -> tuple[Operation, ...]:
        """Plan the way of a node through a step; one that was not there held nothing."""
        if node_before is None:
            return plan(IPVSState(), state_of(self.rules(step.after, node)))
        view_before = node_view(step.before, node_before, self.config)
        view = node_view(step.after, node, self.config)
        if view_before != view or step.is_whole:
            return self._whole(step, view_before, view)
        keys = sorted(step.touched)
        before = list(self._cache.every(step.before, keys, view))
        after = list(self._cache.every(step.after, keys, view))
        if len(before) == len(after) and all(
            old is new for old, new in zip(before, after, strict=True)
        ):
            return ()
        return self._planned(step, view, before, after)

    def _planned(
        self, step: Step, view: NodeView, before: list[Fragment], after: list[Fragment]
    ) -> tuple[Operation, ...]:
        earlier, later = self._totals_around(step, view, before, after)
        if not earlier.keeps_sizes(later, after):
            return self._whole(step, view, view)
        rules = earlier.netfilters(self.config), later.netfilters(self.config)
        seen = (tuple(map(id, before)), tuple(map(id, after)), rules)
        if (known := self._plans.get(seen)) is not None:
            return known[1]
        names = set_names(before, after)
        current, desired = Part(before, rules[0]).state(names), Part(after, rules[1]).state(names)
        operations = plan(current, desired)
        while len(self._plans) >= _PLANS_MAX:
            del self._plans[next(iter(self._plans))]
        # The fragments are kept too: an identity is only good while its object lives.
        self._plans[seen] = ((before, after), operations)
        return operations

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
        self._rules(step.after, view)
        following = self._totals[view.name]
        return following.moved(after, before, step.before.revision), following

    def _remember(self, totals: Totals) -> None:
        self._totals.pop(totals.view.name, None)
        while len(self._totals) >= _NODES_MAX:
            del self._totals[next(iter(self._totals))]
        self._totals[totals.view.name] = totals

    def _whole(self, step: Step, view_before: NodeView, view: NodeView) -> tuple[Operation, ...]:
        current = self._rules(step.before, view_before)
        return plan(state_of(current), state_of(self._rules(step.after, view)))

    def _rules(self, snapshot: Snapshot, view: NodeView) -> IPVSRules:
        fragments = list(self._cache.all(snapshot, view))
        neutral = assemble((each.rules for each in fragments), view, self.config, snapshot)
        rules = join(fragments, neutral)
        self._remember(Totals.of(rules, view))
        return rules


def _sharing(
    before: Snapshot, after: Snapshot, touched: Iterable[NamespacedName]
) -> set[NamespacedName]:
    """Find Services that share an address, a node port or an endpoint with the touched ones."""
    found: set[NamespacedName] = set()
    for key in touched:
        for snapshot in (before, after):
            service = snapshot.services.get(key)
            if service is None:
                continue
            found.update(
                rival.metadata.key for rival in rivals(snapshot, service, reaches(service))
            )
    return found


def _sharing_endpoints(
    before: Snapshot, after: Snapshot, changes: Iterable[Change]
) -> set[NamespacedName]:
    """Find Services that have an endpoint in common with what a change added or removed."""
    found: set[NamespacedName] = set()
    for snapshot in (before, after):
        addresses: set[str] = set()
        for change in changes:
            addresses |= _moved_addresses(change, snapshot)
        for address in addresses:
            keys = (slice_.service for slice_ in snapshot.slices_with(address))
            found.update(key for key in keys if key is not None)
    return found


def _moved_addresses(change: Change, snapshot: Snapshot) -> set[str]:
    """List the endpoint addresses that a change may put into sets or take out of them."""
    if isinstance(change.object, Service):
        slices = snapshot.slices_of(change.object.metadata.key)
        return {address for slice_ in slices for address in _addresses(slice_.endpoints)}
    old, new = change.before, change.after
    was = old.endpoints if isinstance(old, EndpointSlice) else ()
    now = new.endpoints if isinstance(new, EndpointSlice) else ()
    if isinstance(old, EndpointSlice) and isinstance(new, EndpointSlice) and _is_alike(old, new):
        return _addresses(set(was) ^ set(now))
    return _addresses((*was, *now))


def _is_alike(old: EndpointSlice, new: EndpointSlice) -> bool:
    """Whether two versions of a slice differ in their endpoints only."""
    return old.ports == new.ports and old.metadata.labels == new.metadata.labels


def _addresses(endpoints: Iterable[Endpoint]) -> set[str]:
    return {canonical(endpoint.addresses[0]) for endpoint in endpoints if endpoint.addresses}
