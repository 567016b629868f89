"""Rules kept for all nodes: shared where nodes see alike, and equal to those made afresh."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.changes import Change
from app.domain.dataplane.incremental.ipvs_mode import IPVSMode
from app.domain.dataplane.incremental.nftables_mode import NftablesMode
from app.domain.dataplane.incremental.shared import Bounds, Seen, Shared
from app.domain.dataplane.incremental.source import RulesSource
from app.domain.dataplane.incremental.step import step_between
from app.domain.dataplane.rules.model import RulesConfig, ServiceRules
from app.domain.dataplane.rules.node_facts import NodeFacts, node_facts
from app.domain.dataplane.rules.node_rules import node_rules
from app.domain.names import Revision
from app.domain.objects.node import Node, NodeAddress
from app.domain.objects.service import LoadBalancerIngress, ServicePort
from app.domain.snapshot import Snapshot, load
from tests.builders import a_node, a_service, an_endpoint, an_endpoint_slice
from tests.rules_strategies import addressed_nodes, configs, rule_histories

CONFIG = RulesConfig()
REACHED = a_service(type="NodePort", ports=(ServicePort(port=80, name="http", node_port=30_080),))
STATE = load([REACHED, an_endpoint_slice(an_endpoint())], revision=Revision(1))


def a_node_at(name: str, address: str) -> Node:
    return a_node(name, addresses=(NodeAddress(type="InternalIP", address=address),))


def seen(source: RulesSource, snapshot: Snapshot, node: Node) -> tuple[ServiceRules, ...]:
    """The rules of a node, checked against rules made afresh."""
    rules = source.node_rules(snapshot, source.node(snapshot, node))
    assert rules == node_rules(snapshot, node, source.config)
    return rules.services


def test_nodes_that_see_a_service_alike_share_its_rules() -> None:
    source = RulesSource(CONFIG)
    one, other = (a_node_at(name, "192.0.2.1") for name in ("n1", "n2"))
    (first,) = seen(source, STATE, one)
    assert seen(source, STATE, other)[0] is first
    assert seen(source, STATE, a_node_at("n3", "192.0.2.3")) != (first,)


def test_a_way_of_seeing_that_is_forgotten_for_others_is_made_again() -> None:
    source = RulesSource(CONFIG, Bounds(traits=2))
    nodes = [a_node_at(f"n{number}", f"192.0.2.{number}") for number in range(1, 5)]
    (first,), *_ = [seen(source, STATE, node) for node in nodes]
    (again,) = seen(source, STATE, nodes[0])
    assert again is not first


def test_a_service_has_its_own_slices_in_order_of_their_names() -> None:
    slices = [
        an_endpoint_slice(an_endpoint(f"10.244.0.{number}"), name=f"web-{letter}")
        for number, letter in enumerate("cab", start=1)
    ]
    stray = an_endpoint_slice(an_endpoint("10.244.0.9"), name="stray", service="")
    namesake = an_endpoint_slice(an_endpoint("10.244.0.8"), namespace="shop")
    snapshot = load([REACHED, *slices, stray, namesake], revision=Revision(1))
    node, keys = a_node_at("n1", "192.0.2.1"), (REACHED.metadata.key,)
    source = RulesSource(CONFIG)
    (rules,) = seen(source, snapshot, node)
    assert [to.address for to in rules.ports[0].cluster] == [
        "10.244.0.1",
        "10.244.0.2",
        "10.244.0.3",
    ]
    (alone,) = source.rules.of(source.some(snapshot, keys), source.node(snapshot, node))
    assert alone is rules


def test_any_snapshot_may_be_asked_about_in_any_order() -> None:
    source, node = RulesSource(CONFIG), a_node_at("n1", "192.0.2.1")
    other = a_service("api", cluster_ip="10.96.0.21", cluster_ips=("10.96.0.21",))
    more = STATE.apply([Change(revision=Revision(2), before=None, after=other)])
    less = more.apply([Change(revision=Revision(3), before=REACHED, after=None)])
    counts = [len(seen(source, snapshot, node)) for snapshot in (STATE, more, less, more, STATE)]
    assert counts == [1, 2, 1, 2, 1]


def test_what_was_made_is_not_made_again_and_what_differs_is_made_alone() -> None:
    source = RulesSource(CONFIG)
    other = a_service("api", cluster_ip="10.96.0.21", cluster_ips=("10.96.0.21",))
    more = STATE.apply([Change(revision=Revision(2), before=None, after=other)])
    for snapshot, made_max in ((STATE, 1), (STATE, 1), (more, 2)):
        for name in ("n1", "n2"):
            seen(source, snapshot, a_node(name))
        assert source.rules.made_count <= made_max


def test_a_range_that_restricts_nothing_may_hold_one_node_and_not_another() -> None:
    proxied = LoadBalancerIngress(ip="203.0.113.1", ip_mode="Proxy")
    service = a_service(ingress=(proxied,), load_balancer_source_ranges=("192.0.2.0/24",))
    snapshot = load([service, an_endpoint_slice(an_endpoint())], revision=Revision(1))
    source = RulesSource(CONFIG)
    for address in ("192.0.2.1", "198.51.100.1"):
        seen(source, snapshot, a_node_at("n1", address))


def test_all_modes_share_what_was_made() -> None:
    source = RulesSource(CONFIG)
    modes = IPVSMode(source), NftablesMode(source)
    step = step_between(Snapshot(), STATE)
    for mode in modes:
        assert source.changes(mode, step, None, a_node("n1")).plan
        assert source.rules.made_count <= 1


def test_what_could_not_be_made_is_made_the_next_time() -> None:
    failures = [ZeroDivisionError()]

    def make(wanted: Sequence[Seen], _: NodeFacts) -> list[str]:
        if failures:
            raise failures.pop()
        return ["made"] * len(wanted)

    source, shared = RulesSource(CONFIG), Shared(make, traits_max=1)
    services, facts = source.every(STATE), source.node(STATE, a_node("n1"))
    with pytest.raises(ZeroDivisionError):
        shared.of(services, facts)
    assert shared.of(services, facts) == ["made"]


def test_services_that_are_gone_are_not_remembered_for_nodes_that_are_behind() -> None:
    source, node = RulesSource(CONFIG, Bounds(unlisted=3)), a_node("n1")
    services = [a_service(f"s{number}") for number in range(20)]
    kept, *gone = services
    snapshot = load(services, revision=Revision(1))
    seen(source, snapshot, node)
    assert len(source.versions) == 20, "what is listed has no such bound"
    for revision, service in enumerate(gone, start=2):
        before = snapshot
        change = Change(revision=Revision(revision), before=service, after=None)
        snapshot = snapshot.apply([change])
        seen(source, snapshot, node)
        keys = (kept.metadata.key, service.metadata.key)
        assert len(source.some(before, keys).versions) == 2, "what it was is found all the same"
    assert len(source.versions) <= 1 + 3
    versions = source.every(snapshot).versions
    found = source.some(snapshot, (kept.metadata.key,)).versions
    assert found == versions, "what is there has been kept"


def test_facts_of_a_node_are_remembered_until_it_changes() -> None:
    source, snapshot = RulesSource(CONFIG), Snapshot()
    node, moved = a_node_at("n1", "192.0.2.1"), a_node_at("n1", "192.0.2.2")
    assert source.node(snapshot, node) is source.node(snapshot, node)
    assert source.node(snapshot, moved) == node_facts(snapshot, moved, CONFIG)


def test_facts_of_a_node_follow_the_claims_on_its_own_address() -> None:
    source, node = RulesSource(CONFIG), a_node_at("n1", "192.0.2.1")
    before = source.node(Snapshot(), node)
    claimed = load([a_service(external_ips=("192.0.2.1",))], revision=Revision(1))
    assert source.node(claimed, node) == node_facts(claimed, node, CONFIG) != before


def test_facts_of_a_node_that_is_forgotten_for_others_are_made_again() -> None:
    source, snapshot = RulesSource(CONFIG, Bounds(nodes=2)), Snapshot()
    nodes = [a_node(name) for name in ("n1", "n2", "n3")]
    first, *_, last = (source.node(snapshot, node) for node in nodes)
    assert source.node(snapshot, nodes[-1]) is last
    again = source.node(snapshot, nodes[0])
    assert again == first
    assert again is not first


@given(rule_histories(max_size=8), configs, st.lists(addressed_nodes(), min_size=1, max_size=3))
@settings(deadline=None)
def test_rules_that_are_remembered_are_those_computed_afresh(
    changes: list[Change], config: RulesConfig, nodes: list[Node]
) -> None:
    source = RulesSource(config)
    for length in [*range(len(changes) + 1), 0, len(changes)]:
        snapshot = Snapshot().apply(changes[:length])
        for node in (*nodes, a_node("n2", zone="z2")):
            seen(source, snapshot, node)
