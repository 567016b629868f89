"""The rules of every node at any revision, and from one to a later one, at the cost of the change.

    Snapshot, Service -> ServiceVersion -> ServiceRules       once for nodes that see it alike
    ServiceRules -> what a mode makes of them: fragment, plan, encoding
    Step, Node -> rules of the touched Services, before and after -> RulesChanges

What belongs to other Services cannot differ; so this equals the difference of the two
full states, which is the oracle in tests.  The rules are remembered once, whatever modes
nodes are in; a mode knows what a kernel is told.  Not shared between threads.

Source: style.md 2, decision 3; spec ipvs 7, "do better" (a).
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

from app.domain.bounded import Bounded
from app.domain.dataplane.incremental.service_version import (
    ServiceVersion,
    rules_for,
    service_version,
    traits_of,
)
from app.domain.dataplane.incremental.shared import BOUNDS, Bounds, MadeOnce, Seen, Services, Shared
from app.domain.dataplane.incremental.step import Step, differing
from app.domain.dataplane.rules.conflicts import rivals
from app.domain.dataplane.rules.health_checks import (
    HealthCheckChanges,
    HealthChecks,
    health_check_changes,
    health_checks,
)
from app.domain.dataplane.rules.model import NodeRules, RulesConfig, ServiceRules
from app.domain.dataplane.rules.node_facts import NodeFacts, node_facts, taken_addresses
from app.domain.dataplane.rules.node_rules import assemble
from app.domain.dataplane.rules.service_addresses import reaches
from app.domain.dataplane.rules.service_facts import service_facts
from app.domain.names import NamespacedName
from app.domain.objects.endpoint_slice import EndpointSlice
from app.domain.objects.node import Node
from app.domain.objects.service import Service
from app.domain.snapshot import Snapshot

P = TypeVar("P")
P_co = TypeVar("P_co", covariant=True)

_VERSIONS_MAX = 2  # of a Service: before and after a change
_RECENT_MAX = 8  # questions about several Services, for the next node that asks


class Mode(Protocol[P_co]):
    """What a kernel is told of rules, and how: a plan of operations, or a text."""

    def whole(self, snapshot: Snapshot, node: NodeFacts) -> P_co:
        """Say everything, to a node that holds nothing."""
        ...

    def between(self, step: Step, before: NodeFacts, node: NodeFacts) -> P_co:
        """Say what leads from everything before a step to everything after it."""
        ...

    def part(self, step: Step, node: NodeFacts) -> P_co:
        """Say the same for a node that has not changed, looking at the touched Services alone."""
        ...


@dataclass(frozen=True, slots=True)
class RulesChanges(Generic[P]):
    """What changes on a node: in its kernel, as its mode says it, and for load balancers."""

    plan: P
    health_checks: HealthCheckChanges = ()


class Versions:
    """The last versions of every Service, for as long as nothing they were made from changes.

    A version is told from a stale one by the identity of the objects that it was made from,
    so any snapshot may be asked about, in any order.
    """

    def __init__(self, scheduler: str, *, unlisted_max: int) -> None:
        """Remember listed Services, and ``unlisted_max`` others that nodes which lag ask about."""
        self._scheduler = scheduler
        self._listed: dict[NamespacedName, list[ServiceVersion]] = {}
        self._unlisted: Bounded[NamespacedName, list[ServiceVersion]] = Bounded(unlisted_max)

    def __len__(self) -> int:
        """Count the Services of which something is remembered."""
        return len(self._listed) + len(self._unlisted)

    def listed(
        self, snapshot: Snapshot, keys: Collection[NamespacedName]
    ) -> dict[NamespacedName, ServiceVersion]:
        """Do what ``at`` does; those Services stay until a later list does not have them."""
        for key in self._unlisted.keys() & keys:
            self._listed[key] = self._unlisted.pop(key)
        found = self.at(snapshot, keys, is_listing=True)
        for key in keys:
            if key not in found:
                self._listed.pop(key, None)
        return found

    def at(
        self, snapshot: Snapshot, keys: Collection[NamespacedName], *, is_listing: bool = False
    ) -> dict[NamespacedName, ServiceVersion]:
        """Find or make the versions of several Services; those that are not there are left out."""
        found: dict[NamespacedName, ServiceVersion] = {}
        for key in keys:
            if (service := snapshot.services.get(key)) is None:
                continue
            slices = snapshot.slices_of(key)
            known = self._listed.get(key) or self._unlisted.get(key) or ()
            current = (each for each in known if _is_of(each, snapshot, service, slices))
            version = next(current, None)
            if version is None:
                version = self._made(snapshot, service, slices)
                kept = self._listed if is_listing or key in self._listed else self._unlisted
                kept[key] = [version, *kept.get(key, ())][:_VERSIONS_MAX]
            found[key] = version
        return found

    def _made(
        self, snapshot: Snapshot, service: Service, slices: tuple[EndpointSlice, ...]
    ) -> ServiceVersion:
        reached = reaches(service)
        others = rivals(snapshot, service, reached)
        facts = service_facts(service, slices, reached, others=others, scheduler=self._scheduler)
        return service_version(service, slices, others, facts)


class RulesSource:
    """Neutral rules of all nodes, from Services that are worked out once."""

    def __init__(self, config: RulesConfig, bounds: Bounds = BOUNDS) -> None:
        """Remember as much as ``bounds`` allow, which modes observe too."""
        self.config, self.bounds = config, bounds
        self.versions = Versions(config.scheduler, unlisted_max=bounds.unlisted)
        self.rules: Shared[ServiceRules] = Shared(_rules_of, traits_max=bounds.traits)
        self._nodes: Bounded[str, tuple[Node, NodeFacts]] = Bounded(bounds.nodes)
        self._recent: MadeOnce[Services] = MadeOnce(_RECENT_MAX)
        self._every = Snapshot(), Services({})

    def node(self, snapshot: Snapshot, node: Node) -> NodeFacts:
        """Give ``node_facts``; equal facts of one node are mostly the same object."""
        known = self._nodes.get(node.metadata.name)
        if known is not None and known[0] is node:
            taken = taken_addresses(snapshot, known[1].families)
            return known[1] if taken == known[1].taken else replace(known[1], taken=taken)
        facts = node_facts(snapshot, node, self.config)
        self._nodes[node.metadata.name] = (node, facts)
        return facts

    def every(self, snapshot: Snapshot) -> Services:
        """Give all Services, at the cost of what differs from when they were given last."""
        known, services = self._every
        if known is not snapshot:
            # In order, because neighbours by name are mostly neighbours in memory, too.
            keys = sorted(differing(known, snapshot))
            found = self.versions.listed(snapshot, keys)
            services = services.following(keys, found)
            self._every = snapshot, services  # now, for what failed is to be tried again
        return services

    def some(self, snapshot: Snapshot, keys: Sequence[NamespacedName]) -> Services:
        """Give several Services, found once for all nodes that ask about them."""
        return self._recent.of(
            [(snapshot, keys)],
            None,
            lambda: Services({}).following(keys, self.versions.at(snapshot, keys)),
        )

    def node_rules(self, snapshot: Snapshot, node: NodeFacts) -> NodeRules:
        """Give the rules of a node."""
        rules = self.rules.of(self.every(snapshot), node)
        return assemble(rules, node, snapshot, self.config)

    def changes(
        self, mode: Mode[P], step: Step, node_before: Node | None, node: Node
    ) -> RulesChanges[P]:
        """Plan the way of a node through a step; one that was not there before held nothing."""
        facts = self.node(step.after, node)
        if node_before is None:
            held: HealthChecks = {}
            wanted = self._health_checks(self.every(step.after), facts)
            plan = mode.whole(step.after, facts)
        elif (before := self.node(step.before, node_before)) != facts or step.is_whole:
            held = self._health_checks(self.every(step.before), before)
            wanted = self._health_checks(self.every(step.after), facts)
            plan = mode.between(step, before, facts)
        else:
            held = self._health_checks(self.some(step.before, step.touched), facts)
            wanted = self._health_checks(self.some(step.after, step.touched), facts)
            plan = mode.part(step, facts)
        return RulesChanges(plan, health_check_changes(held, wanted))

    def _health_checks(self, services: Services, node: NodeFacts) -> HealthChecks:
        checked = [
            (version, traits_of(version, node))
            for version in services.versions.values()
            if version.facts.health_check_node_port
        ]
        return health_checks(self.rules.each(checked, node), node.families)


def _rules_of(seen: Iterable[Seen], node: NodeFacts) -> list[ServiceRules]:
    return [rules_for(version, traits, node) for version, traits in seen]


def _is_of(
    version: ServiceVersion,
    snapshot: Snapshot,
    service: Service,
    slices: tuple[EndpointSlice, ...],
) -> bool:
    """Whether a version was made from the very objects that a snapshot has."""
    return (
        version.service is service
        and _are_same(version.slices, slices)
        and _are_same(version.rivals, rivals(snapshot, service, version.facts.reaches))
    )


def _are_same(left: tuple[object, ...], right: tuple[object, ...]) -> bool:
    return len(left) == len(right) and all(a is b for a, b in zip(left, right, strict=True))
