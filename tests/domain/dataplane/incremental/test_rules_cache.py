"""Rules kept for all nodes: shared where nodes see alike, and equal to those made afresh."""

import pytest

from app.domain.changes import Change
from app.domain.dataplane.incremental import rules_cache
from app.domain.dataplane.incremental.rules_cache import RulesCache
from app.domain.dataplane.rules.model import RulesConfig, ServiceRules
from app.domain.dataplane.rules.node_rules import node_rules, node_view
from app.domain.dataplane.rules.service_rules import NodeView
from app.domain.names import Revision
from app.domain.objects.node import Node, NodeAddress
from app.domain.objects.service import ServicePort
from app.domain.snapshot import Snapshot, load
from tests.builders import a_node, a_service, an_endpoint, an_endpoint_slice

CONFIG = RulesConfig()
REACHED = a_service(type="NodePort", ports=(ServicePort(port=80, name="http", node_port=30_080),))
STATE = load([REACHED, an_endpoint_slice(an_endpoint())], revision=Revision(1))


def a_cache() -> RulesCache[ServiceRules]:
    return RulesCache(CONFIG, lambda rules, _view: rules)


def a_node_at(name: str, address: str) -> Node:
    return a_node(name, addresses=(NodeAddress(type="InternalIP", address=address),))


def seen(cache: RulesCache[ServiceRules], snapshot: Snapshot, node: Node) -> list[ServiceRules]:
    """What a node is told, checked against rules made afresh."""
    found = list(cache.all(snapshot, node_view(snapshot, node, CONFIG)))
    assert tuple(found) == node_rules(snapshot, node, CONFIG).services
    return found


def test_nodes_that_see_a_service_alike_share_its_rules() -> None:
    cache = a_cache()
    one, other = (a_node_at(name, "192.0.2.1") for name in ("n1", "n2"))
    (first,) = seen(cache, STATE, one)
    assert seen(cache, STATE, other)[0] is first
    assert seen(cache, STATE, a_node_at("n3", "192.0.2.3")) != [first]


def test_a_way_of_seeing_that_is_forgotten_for_others_is_made_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rules_cache, "_SIGHTS_MAX", 2)
    cache = a_cache()
    nodes = [a_node_at(f"n{number}", f"192.0.2.{number}") for number in range(1, 5)]
    (first,), *_ = [seen(cache, STATE, node) for node in nodes]
    (again,) = seen(cache, STATE, nodes[0])
    assert again is not first


def test_services_met_all_at_once_are_those_met_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rules_cache, "_MANY", 1)
    slices = [
        an_endpoint_slice(an_endpoint(f"10.244.0.{number}"), name=f"web-{letter}")
        for number, letter in enumerate("cab", start=1)
    ]
    stray = an_endpoint_slice(an_endpoint("10.244.0.9"), name="stray", service="")
    namesake = an_endpoint_slice(an_endpoint("10.244.0.8"), namespace="shop")
    snapshot = load([REACHED, *slices, stray, namesake], revision=Revision(1))
    cache, node = a_cache(), a_node_at("n1", "192.0.2.1")

    (at_once,) = seen(cache, snapshot, node)
    monkeypatch.undo()
    keys = (REACHED.metadata.key,)
    (alone,) = cache.every(snapshot, keys, node_view(snapshot, node, CONFIG))

    assert [address for address, _, _ in at_once.ports[0].cluster] == [
        "10.244.0.1",
        "10.244.0.2",
        "10.244.0.3",
    ]
    assert alone is at_once


def test_any_snapshot_may_be_asked_about_in_any_order() -> None:
    cache, node = a_cache(), a_node_at("n1", "192.0.2.1")
    other = a_service("api", cluster_ip="10.96.0.21", cluster_ips=("10.96.0.21",))
    more = STATE.apply([Change(revision=Revision(2), before=None, after=other)])
    less = more.apply([Change(revision=Revision(3), before=REACHED, after=None)])
    counts = [len(seen(cache, snapshot, node)) for snapshot in (STATE, more, less, more, STATE)]
    assert counts == [1, 2, 1, 2, 1]


def test_what_was_prepared_is_not_made_again_and_what_differs_is_made_alone() -> None:
    cache, view = a_cache(), node_view(STATE, a_node("n1"), CONFIG)
    other = a_service("api", cluster_ip="10.96.0.21", cluster_ips=("10.96.0.21",))
    more = STATE.apply([Change(revision=Revision(2), before=None, after=other)])
    counts: list[int] = []
    for snapshot in (STATE, STATE, more):
        cache.prepare(snapshot, view)
        counts.append(cache.made_count)
    seen(cache, more, a_node("n2"))
    assert [*counts, cache.made_count] == [1, 1, 2, 2]


def test_what_could_not_be_made_is_made_the_next_time() -> None:
    failures = [ZeroDivisionError()]

    def render(rules: ServiceRules, _: NodeView) -> ServiceRules:
        if failures:
            raise failures.pop()
        return rules

    cache = RulesCache(CONFIG, render)
    with pytest.raises(ZeroDivisionError):
        cache.prepare(STATE, node_view(STATE, a_node("n1"), CONFIG))
    assert len(seen(cache, STATE, a_node("n1"))) == 1


def test_services_that_are_gone_are_not_remembered_for_nodes_that_are_behind() -> None:
    cache, node = RulesCache(CONFIG, lambda rules, _view: rules, unlisted_max=3), a_node("n1")
    services = [a_service(f"s{number}") for number in range(20)]
    kept, *gone = services
    snapshot = load(services, revision=Revision(1))
    view = node_view(snapshot, node, CONFIG)
    cache.prepare(snapshot, view)
    assert len(cache) == 20, "what is listed has no such bound"
    for revision, service in enumerate(gone, start=2):
        before = snapshot
        change = Change(revision=Revision(revision), before=service, after=None)
        snapshot = snapshot.apply([change])
        cache.prepare(snapshot, view)
        keys = (kept.metadata.key, service.metadata.key)
        assert len(cache.every(before, keys, view)) == 2, "what it was is told all the same"
    assert len(cache) == 1 + 3
    made = cache.made_count
    cache.every(snapshot, (kept.metadata.key,), view)
    assert cache.made_count == made, "what is there has been kept"
