"""Deltas equal the plan between full states: the full computation is the oracle."""

from dataclasses import replace
from itertools import chain

from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.changes import Change
from app.domain.dataplane.incremental.ipvs_mode import IPVSMode, Parts
from app.domain.dataplane.incremental.shared import BOUNDS, Bounds
from app.domain.dataplane.incremental.source import RulesSource
from app.domain.dataplane.incremental.step import Step, step_between
from app.domain.dataplane.ipvs import ipsets
from app.domain.dataplane.ipvs.operations import IPVSState, Operation, state_of
from app.domain.dataplane.ipvs.plan import plan
from app.domain.dataplane.ipvs.state import IPVSRules, ipvs_rules
from app.domain.dataplane.rules.model import RulesConfig
from app.domain.dataplane.rules.node_rules import node_rules
from app.domain.names import NamespacedName, Revision
from app.domain.objects.node import Node
from app.domain.objects.resource import Object
from app.domain.objects.service import LoadBalancerIngress, Service, ServicePort
from app.domain.snapshot import Snapshot, load
from tests.builders import (
    a_node,
    a_service,
    a_service_cidr,
    an_endpoint,
    an_endpoint_slice,
)
from tests.rules_strategies import configs, rule_histories

NODE = a_node("n1")
OTHERS = (a_node("n2", zone="z2"), a_node("n9"))


class Planner:
    """A source of rules and its IPVS mode, asked as one."""

    def __init__(self, config: RulesConfig, bounds: Bounds = BOUNDS) -> None:
        self.source = RulesSource(config, bounds)
        self.mode = IPVSMode(self.source)

    def plan(self, step: Step, before: Node | None, node: Node) -> Parts:
        return self.source.changes(self.mode, step, before, node).plan

    def rules(self, snapshot: Snapshot, node: Node) -> IPVSRules:
        return self.mode.rules(snapshot, self.source.node(snapshot, node))


def operations_of(plan: Parts) -> tuple[Operation, ...]:
    """Give the pieces as one; a single piece is itself, so that sharing can be seen."""
    parts = [part for part in plan if part]
    return parts[0] if len(parts) == 1 else tuple(chain.from_iterable(parts))


def full(snapshot: Snapshot, config: RulesConfig, node: Node = NODE) -> IPVSState:
    return state_of(ipvs_rules(node_rules(snapshot, node, config)))


def node_of(snapshot: Snapshot) -> Node:
    return snapshot.nodes.get(NamespacedName("", "n1"), NODE)


def test_one_endpoint_more_is_one_operation_and_one_set_entry() -> None:
    one = an_endpoint_slice(an_endpoint("10.244.0.1", node_name="n1"))
    two = an_endpoint_slice(*one.endpoints, an_endpoint("10.244.0.2", node_name="n1"))
    before = load([a_service(), one], revision=Revision(1))
    change = Change(revision=Revision(2), before=one, after=two)
    planner = Planner(RulesConfig())
    step = step_between(before, before.apply([change]))
    operations = operations_of(planner.plan(step, NODE, NODE))
    assert [type(operation).__name__ for operation in operations] == ["AddEntry", "AddRealServer"]


def test_nodes_that_see_a_change_alike_share_one_plan() -> None:
    one = an_endpoint_slice(an_endpoint("10.244.0.1", node_name="n9"))
    two = an_endpoint_slice(*one.endpoints, an_endpoint("10.244.0.2", node_name="n9"))
    before = load([a_service(), one], revision=Revision(1))
    change = Change(revision=Revision(2), before=one, after=two)
    planner = Planner(RulesConfig())
    step = step_between(before, before.apply([change]))
    first = operations_of(planner.plan(step, a_node("n1"), a_node("n1")))
    assert first
    assert operations_of(planner.plan(step, a_node("n2"), a_node("n2"))) is first


def test_nodes_without_either_pod_share_the_plan_of_an_address_used_again() -> None:
    old = an_endpoint_slice(an_endpoint("10.244.0.1", node_name="n1"), name="s1")
    leaving = an_endpoint_slice(
        an_endpoint("10.244.0.1", ready=False, serving=True, terminating=True, node_name="n1"),
        name="s1",
    )
    new = an_endpoint_slice(an_endpoint("10.244.0.1", weight=5, node_name="n2"), name="s2")
    before = load([a_service(), old], revision=Revision(1))
    changes = [
        Change(revision=Revision(2), before=old, after=leaving),
        Change(revision=Revision(3), before=None, after=new),
    ]
    planner = Planner(RulesConfig())
    step = step_between(before, before.apply(changes))
    told = {
        name: planner.plan(step, a_node(name), a_node(name)) for name in ("n1", "n2", "n8", "n9")
    }
    # The entry for Pods that reach themselves moves from the one node to the other.
    operations = {
        name: [type(o).__name__ for part in parts for o in part] for name, parts in told.items()
    }
    assert operations == {
        "n1": ["SetWeight", "ReplaceNetfilter", "RemoveEntry"],
        "n2": ["AddEntry", "ReplaceNetfilter", "SetWeight"],
        "n8": ["SetWeight"],
        "n9": ["SetWeight"],
    }
    assert len({id(parts[1]) for parts in told.values()}) == 1


def test_a_node_that_was_not_there_is_told_everything() -> None:
    before = load([a_service()], revision=Revision(1))
    step = step_between(Snapshot(), before)
    planner = Planner(RulesConfig())
    assert operations_of(planner.plan(step, None, NODE)) == plan(
        IPVSState(), full(before, RulesConfig())
    )


def many(count: int, *, first: int = 0) -> list[Change]:
    """Services that appear one after the other."""
    return [
        Change(
            revision=Revision(number + 2),
            before=None,
            after=a_service(
                f"s{number}",
                cluster_ip=f"10.97.{number // 250}.{number % 250}",
                cluster_ips=(f"10.97.{number // 250}.{number % 250}",),
            ),
        )
        for number in range(first, first + count)
    ]


def test_a_change_of_nearly_everything_compares_whole_states() -> None:
    changes = many(600)
    before = Snapshot()
    after = before.apply(changes)
    step = step_between(before, after)
    assert step.is_whole
    wanted = plan(full(before, RulesConfig()), full(after, RulesConfig()))
    assert operations_of(Planner(RulesConfig()).plan(step, NODE, NODE)) == wanted


def test_a_node_that_changes_is_told_all_that_follows() -> None:
    snapshot = load(
        [a_service(), an_endpoint_slice(an_endpoint(node_name="n1"))], revision=Revision(1)
    )
    moved = a_node("n1", zone="z9")
    step = step_between(snapshot, snapshot)
    wanted = plan(full(snapshot, RulesConfig()), full(snapshot, RulesConfig(), moved))
    assert operations_of(Planner(RulesConfig()).plan(step, NODE, moved)) == wanted


def claimant(number: int, *, ports: tuple[int, ...] = (), **fields: object) -> Service:
    """A Service of its own cluster address, with node ports if any are given."""
    address = f"10.96.0.{number}"
    service = a_service(f"s{number}", cluster_ip=address, cluster_ips=(address,))
    if ports:
        held = tuple(
            ServicePort(port=80 + place, name=f"p{place}", node_port=port)
            for place, port in enumerate(ports)
        )
        service = replace(service, type="NodePort", ports=held)
    return replace(service, **fields)


class Followed:
    """A node that follows a history, each step checked against full states."""

    def __init__(self, config: RulesConfig) -> None:
        self.config = config
        self.planner = Planner(config)
        self.snapshot = Snapshot()
        self.steps: list[Step] = []

    def follow(self, before: Object | None, after: Object | None) -> tuple[Operation, ...]:
        """Take one change; gives what the node is told."""
        change = Change(revision=Revision(self.snapshot.revision + 1), before=before, after=after)
        following = self.snapshot.apply([change])
        self.steps.append(step_between(self.snapshot, following))
        self.snapshot = following
        return self.told(-1)

    def parts(self, place: int) -> tuple[tuple[Operation, ...], ...]:
        """Ask for the same in pieces."""
        return self.planner.plan(self.steps[place], NODE, NODE)

    def told(self, place: int) -> tuple[Operation, ...]:
        """Ask for one of the steps taken."""
        step = self.steps[place]
        operations = operations_of(self.planner.plan(step, NODE, NODE))
        wanted = plan(full(step.before, self.config), full(step.after, self.config))
        assert operations == wanted
        return operations


def test_what_no_rule_depends_on_is_no_operation_and_costs_no_memory_of_the_rest() -> None:
    followed = Followed(RulesConfig())
    one, two = claimant(1), claimant(2, ports=(30_080,))
    assert followed.follow(None, one)
    labelled = replace(one, metadata=replace(one.metadata, labels={"team": "x"}))
    assert followed.follow(one, labelled) == ()
    assert followed.follow(None, a_node("n2")) == ()
    assert followed.follow(None, two)
    assert followed.follow(two, None)


def test_ranges_of_services_are_nothing_to_a_node_in_ipvs_mode() -> None:
    followed = Followed(RulesConfig())
    assert followed.follow(None, claimant(1))
    assert followed.follow(None, a_service_cidr("10.96.0.0/12")) == ()


def test_a_step_may_be_asked_about_again_after_later_ones() -> None:
    followed = Followed(RulesConfig())
    for number in range(1, 4):
        followed.follow(None, claimant(number, ports=(30_080 + number,)))
    for place in (2, 1, 0, 1):
        assert followed.told(place)


def test_services_slices_and_rivals_are_followed_as_they_come_and_go() -> None:
    followed = Followed(RulesConfig())
    one, rival = (claimant(number, external_ips=("203.0.113.1",)) for number in (1, 2))
    slice_ = an_endpoint_slice(an_endpoint("10.244.0.1", node_name="n1"), service="s1")
    for before, after in (
        (None, rival),
        (None, one),  # it has the lesser name, and takes the address over
        (None, slice_),
        (one, claimant(1)),  # and gives it back
        (slice_, None),
        (claimant(1), None),
        (rival, None),
    ):
        assert followed.follow(before, after)
        rules = followed.planner.rules(followed.snapshot, NODE)
        assert rules == ipvs_rules(node_rules(followed.snapshot, NODE, RulesConfig()))


def test_a_plan_that_is_forgotten_for_later_ones_is_made_again() -> None:
    followed = Followed(RulesConfig())
    followed.planner = Planner(RulesConfig(), Bounds(plans=2))
    for number in range(1, 5):
        followed.follow(None, claimant(number))
    last, first = followed.parts(-1), followed.parts(0)
    assert all(part is known for part, known in zip(followed.parts(0), first, strict=True))
    again = followed.parts(-1)
    assert again == last
    assert again[0] is not last[0]


def test_nodes_share_the_parts_of_a_plan_that_do_not_depend_on_them() -> None:
    one = an_endpoint_slice(an_endpoint("10.244.0.1", node_name="n9"))
    two = an_endpoint_slice(*one.endpoints, an_endpoint("10.244.0.2", node_name="n1"))
    before = load([a_service(), one], revision=Revision(1))
    change = Change(revision=Revision(2), before=one, after=two)
    planner = Planner(RulesConfig())
    step = step_between(before, before.apply([change]))
    there, elsewhere = (planner.plan(step, a_node(name), a_node(name)) for name in ("n1", "n2"))
    assert there[0]
    assert not elsewhere[0]
    assert there[1] is elsewhere[1]


def test_a_node_that_is_forgotten_for_others_is_counted_again() -> None:
    followed = Followed(RulesConfig())
    followed.planner = Planner(RulesConfig(), Bounds(nodes=2))
    followed.follow(None, claimant(1))
    for name in ("n2", "n3", "n4"):
        node = a_node(name)
        rules = followed.planner.rules(followed.snapshot, node)
        assert rules == ipvs_rules(node_rules(followed.snapshot, node, RulesConfig()))
    assert followed.follow(None, claimant(2))


def test_a_node_that_asks_twice_is_not_counted_again() -> None:
    before = load([claimant(1)], revision=Revision(1))
    change = Change(revision=Revision(2), before=None, after=claimant(2))
    planner = Planner(RulesConfig())
    planner.rules(before, NODE)
    step = step_between(before, before.apply([change]))
    first, second = (planner.plan(step, NODE, NODE) for _ in range(2))
    assert operations_of(first)
    assert first == second
    assert not planner.mode.is_prepared, "nothing was counted over all Services"


def balanced(*, addresses: int, ranges: int) -> Service:
    """A Service of two ports that restricts who may come to each of many addresses."""
    return replace(
        claimant(2, ports=(30_080, 30_081)),
        type="LoadBalancer",
        ingress=tuple(LoadBalancerIngress(ip=f"203.0.113.{n}") for n in range(addresses)),
        load_balancer_source_ranges=tuple(f"10.{n}.0.0/16" for n in range(ranges)),
    )


def test_a_set_that_outgrows_its_size_is_replaced() -> None:
    addresses = 192
    fitting = ipsets.ELEMENTS_MAX_DEFAULT * 3 // 4 // (addresses * 2)
    followed = Followed(RulesConfig())
    small, large = (balanced(addresses=addresses, ranges=fitting + more) for more in (0, 1))
    kinds = [
        {type(operation).__name__ for operation in followed.follow(*sides)}
        for sides in ((None, claimant(1)), (None, small), (small, large))
    ]
    assert ["ReplaceSet" in each for each in kinds] == [False, False, True]


@given(rule_histories(max_size=8), configs, st.data())
@settings(deadline=None)
def test_a_delta_is_the_plan_between_full_states(
    changes: list[Change], config: RulesConfig, data: st.DataObject
) -> None:
    planner = Planner(config)
    since = data.draw(st.integers(0, len(changes)))
    before, after = Snapshot().apply(changes[:since]), Snapshot().apply(changes)
    step = step_between(before, after)
    nodes = [(node_of(before), node_of(after)), *((node, node) for node in OTHERS)]
    for _ in range(2):  # the second time with everything remembered
        for old, new in nodes:
            wanted = plan(full(before, config, old), full(after, config, new))
            assert operations_of(planner.plan(step, old, new)) == wanted


@given(rule_histories(max_size=8), configs, st.lists(st.integers(1, 3), max_size=8))
@settings(deadline=None)
def test_following_step_by_step_leads_where_the_last_state_alone_leads(
    changes: list[Change], config: RulesConfig, strides: list[int]
) -> None:
    planner, state, place = Planner(config), None, 0
    snapshot = Snapshot()
    state = state_of(planner.rules(snapshot, node_of(snapshot)))
    for stride in [*strides, len(changes)]:
        taken = changes[place : place + stride]
        following = snapshot.apply(taken)
        step = step_between(snapshot, following)
        operations = operations_of(planner.plan(step, node_of(snapshot), node_of(following)))
        wanted = plan(state, full(following, config, node_of(following)))
        assert operations == wanted
        state = full(following, config, node_of(following))
        snapshot, place = following, place + stride
    assert state == full(Snapshot().apply(changes), config, node_of(snapshot))


@given(rule_histories(max_size=8), configs)
@settings(deadline=None)
def test_rules_from_remembered_fragments_are_those_computed_afresh(
    changes: list[Change], config: RulesConfig
) -> None:
    planner = Planner(config)
    for length in range(len(changes) + 1):
        snapshot = Snapshot().apply(changes[:length])
        afresh = ipvs_rules(node_rules(snapshot, node_of(snapshot), config))
        assert planner.rules(snapshot, node_of(snapshot)) == afresh


def test_what_nodes_share_is_prepared_at_the_cost_of_what_differs() -> None:
    slices = [an_endpoint_slice(an_endpoint(node_name="n9"), name=n, service=n) for n in "ab"]
    services = [
        a_service(name, cluster_ip=at, cluster_ips=(at,))
        for name, at in (("a", "10.96.0.1"), ("b", "10.96.0.2"))
    ]
    before = load([*services, *slices], revision=Revision(1))
    more = an_endpoint_slice(*slices[0].endpoints, an_endpoint("10.244.0.9"), name="a", service="a")
    after = before.apply([Change(revision=Revision(2), before=slices[0], after=more)])
    planner = Planner(RulesConfig())
    made: list[int] = []
    for snapshot in (before, before, after):
        planner.mode.prepare(snapshot)
        made.append(planner.source.rules.made_count)
    assert planner.mode.is_prepared
    planner.rules(after, NODE)
    made.append(planner.source.rules.made_count)
    planner.rules(after, a_node("n9"))
    made.append(planner.source.rules.made_count)
    at_most = [2, 2, 3, 3, 5]
    assert all(count <= most for count, most in zip(made, at_most, strict=True))
