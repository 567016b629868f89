"""Counting what differs comes to what counting everything comes to, whatever was counted before."""

from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.changes import Change
from app.domain.dataplane.incremental.ipvs_mode import fragments_of
from app.domain.dataplane.incremental.set_sizes import SetCounter, SetSizes
from app.domain.dataplane.incremental.source import RulesSource
from app.domain.dataplane.ipvs.state import ipvs_rules
from app.domain.dataplane.rules.model import RulesConfig
from app.domain.dataplane.rules.node_facts import node_facts
from app.domain.dataplane.rules.node_rules import node_rules
from app.domain.names import Revision
from app.domain.objects.node import Node
from app.domain.objects.service import Service, ServicePort
from app.domain.snapshot import Snapshot, load
from tests.builders import a_node, a_service, an_endpoint, an_endpoint_slice
from tests.rules_strategies import addressed_nodes, configs, rule_histories


def a_counter(config: RulesConfig) -> SetCounter:
    source = RulesSource(config)
    return SetCounter(source, fragments_of(source))


def counted(counter: SetCounter, snapshot: Snapshot, node: Node, config: RulesConfig) -> SetSizes:
    """Count for a node; checked against all of its rules."""
    facts = node_facts(snapshot, node, config)
    sizes = counter.sizes(snapshot, facts)
    assert sizes == SetSizes.of(ipvs_rules(node_rules(snapshot, node, config)), facts)
    return sizes


def a_service_at(name: str, address: str) -> Service:
    return a_service(name, cluster_ip=address, cluster_ips=(address,))


def test_a_node_adds_its_own_endpoints_to_what_all_have() -> None:
    slice_ = an_endpoint_slice(an_endpoint("10.244.0.1", node_name="n1"))
    snapshot = load([a_service(), slice_], revision=Revision(1))
    counter = a_counter(RulesConfig())
    here, there = (
        counted(counter, snapshot, a_node(name), RulesConfig()).counts for name in ("n1", "n2")
    )
    assert dict(here) == {**there, "KUBE-LOOP-BACK": 1}


def test_an_entry_that_two_services_want_stays_while_one_of_them_does() -> None:
    first, second = (a_service_at(name, "10.96.0.9") for name in ("a", "b"))
    counter, snapshot = a_counter(RulesConfig()), Snapshot()
    for revision, (before, after) in enumerate(
        [(None, first), (None, second), (first, None), (second, None)], start=1
    ):
        change = Change(revision=Revision(revision), before=before, after=after)
        snapshot = snapshot.apply([change])
        counts = counted(counter, snapshot, a_node("n1"), RulesConfig()).counts
        assert counts.get("KUBE-IPVS-IPS", 0) == (revision < 4)


def test_an_address_that_two_services_share_stays_while_one_of_them_does() -> None:
    first, second = (
        a_service(
            name,
            cluster_ip="10.96.0.9",
            cluster_ips=("10.96.0.9",),
            ports=(ServicePort(port=port),),
        )
        for name, port in (("a", 80), ("b", 81))
    )
    counter, both = a_counter(RulesConfig()), load([first, second], revision=Revision(1))
    one = both.apply([Change(revision=Revision(2), before=first, after=None)])
    for snapshot in (both, one):
        counts = counted(counter, snapshot, a_node("n1"), RulesConfig()).counts
        assert counts["KUBE-IPVS-IPS"] == 1


@given(rule_histories(max_size=8), configs, st.lists(addressed_nodes(), min_size=1, max_size=3))
@settings(deadline=None)
def test_counting_as_changes_come_is_counting_everything(
    changes: list[Change], config: RulesConfig, nodes: list[Node]
) -> None:
    counter = a_counter(config)
    for length in [*range(len(changes) + 1), 0, len(changes)]:
        snapshot = Snapshot().apply(changes[:length])
        for node in (*nodes, a_node("n2", zone="z2")):
            counted(counter, snapshot, node, config)
