"""What balancers learn of a node: by Service, at which addresses, and as changes."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.addresses import IPFamily
from app.domain.changes import Change
from app.domain.dataplane.incremental.nftables_mode import NftablesMode
from app.domain.dataplane.incremental.source import RulesSource
from app.domain.dataplane.incremental.step import step_between
from app.domain.dataplane.rules.health_checks import (
    HealthCheckChange,
    HealthCheckNodePort,
    HealthChecks,
    followed,
    health_check_changes,
    health_checks,
)
from app.domain.dataplane.rules.model import RulesConfig
from app.domain.dataplane.rules.node_rules import node_rules
from app.domain.names import NamespacedName, Revision
from app.domain.objects.node import Node, NodeAddress
from app.domain.objects.resource import Object
from app.domain.snapshot import Snapshot, load
from tests.builders import a_node, a_service, an_endpoint, an_endpoint_slice, key
from tests.rules_strategies import configs, rule_histories

NODE = a_node("n1")
EXPOSED = a_service(
    type="LoadBalancer", external_traffic_policy="Local", health_check_node_port=31_000
)
WEB = EXPOSED.metadata.key
EVERY_V4, EVERY_V6 = "0.0.0.0", "::"  # noqa: S104  as rules spell them; nothing binds them


def checks_at(snapshot: Snapshot, node: Node, config: RulesConfig) -> HealthChecks:
    rules = node_rules(snapshot, node, config)
    return health_checks(rules.services, rules.families)


def checks_of(
    *objects: Object, node: Node = NODE, config: RulesConfig | None = None
) -> HealthChecks:
    return checks_at(load(objects, revision=Revision(1)), node, config or RulesConfig())


def test_ready_endpoints_of_the_node_are_counted_by_their_addresses() -> None:
    slice_ = an_endpoint_slice(
        an_endpoint("10.244.0.1", node_name="n1"),
        an_endpoint("10.244.0.2", node_name="n1", ready=False, serving=True, terminating=True),
        an_endpoint("10.244.0.3", node_name="n2"),
    )
    assert checks_of(EXPOSED, slice_) == {WEB: HealthCheckNodePort(31_000, 1, (EVERY_V4, EVERY_V6))}
    assert checks_of(EXPOSED, slice_, node=a_node("n9"))[WEB].local_endpoints == 0


def test_an_address_used_again_elsewhere_is_no_endpoint_of_the_node() -> None:
    old = an_endpoint("10.244.0.1", node_name="n1", ready=False, serving=True, terminating=True)
    new = an_endpoint("10.244.0.1", node_name="n2")
    slices = (an_endpoint_slice(old, name="s1"), an_endpoint_slice(new, name="s2"))
    assert checks_of(EXPOSED, *slices)[WEB].local_endpoints == 0
    assert checks_of(EXPOSED, *slices, node=a_node("n2"))[WEB].local_endpoints == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"external_traffic_policy": "Cluster"},
        {"type": "NodePort"},
        {"health_check_node_port": 0},
    ],
)
def test_other_services_have_no_health_check(changes: dict[str, object]) -> None:
    assert checks_of(replace(EXPOSED, **changes)) == {}


def test_addresses_that_answer_at_node_ports_answer_here() -> None:
    node = a_node(
        "n1",
        addresses=tuple(
            NodeAddress(type="InternalIP", address=address)
            for address in ("192.0.2.10", "198.51.100.1", "2001:db8::1")
        ),
    )
    restricted = RulesConfig(node_port_addresses=("192.0.2.0/24",))
    assert checks_of(EXPOSED, node=node, config=restricted)[WEB].addresses == ("192.0.2.10", "::")
    primary = RulesConfig(node_port_addresses=("primary",))
    assert checks_of(EXPOSED, node=node, config=primary)[WEB].addresses == (
        "192.0.2.10",
        "2001:db8::1",
    )
    alone = RulesConfig(ip_families=(IPFamily.IPV4,))
    assert checks_of(EXPOSED, node=node, config=alone)[WEB].addresses == (EVERY_V4,)


def test_changes_name_what_is_new_what_differs_and_what_is_gone() -> None:
    one, two = HealthCheckNodePort(31_000, 1), HealthCheckNodePort(31_001, 0)
    names = [key(f"default/{name}") for name in "abcd"]
    current = dict(zip(names[:3], (one, one, one), strict=True))
    desired = dict(zip((names[0], names[1], names[3]), (one, two, two), strict=True))
    changes = health_check_changes(current, desired)
    assert changes == (
        HealthCheckChange(names[1], two),
        HealthCheckChange(names[2], None),
        HealthCheckChange(names[3], two),
    )
    assert followed(changes, current) == desired
    assert followed([HealthCheckChange(names[3], None)], current) == current


def test_a_node_that_was_not_there_is_told_all_of_them() -> None:
    snapshot = load([EXPOSED], revision=Revision(1))
    source, step = RulesSource(RulesConfig()), step_between(Snapshot(), snapshot)
    wanted = health_check_changes({}, checks_of(EXPOSED))
    assert len(wanted) == 1
    assert source.changes(NftablesMode(source), step, None, NODE).health_checks == wanted


@given(rule_histories(max_size=8), configs, st.lists(st.integers(1, 3), max_size=8))
@settings(deadline=None)
def test_following_step_by_step_leads_where_the_last_state_alone_leads(
    changes: list[Change], config: RulesConfig, strides: list[int]
) -> None:
    source = RulesSource(config)
    mode = NftablesMode(source)
    for name in ("n1", "n2"):
        snapshot, place = Snapshot(), 0
        known = checks_at(snapshot, node_of(snapshot, name), config)
        for stride in [*strides, len(changes)]:
            taken = changes[place : place + stride]
            following = snapshot.apply(taken)
            before, after = node_of(snapshot, name), node_of(following, name)
            changed = source.changes(mode, step_between(snapshot, following), before, after)
            known = followed(changed.health_checks, known)
            assert known == checks_at(following, after, config)
            snapshot, place = following, place + stride


def node_of(snapshot: Snapshot, name: str) -> Node:
    return snapshot.nodes.get(NamespacedName("", name), a_node(name))
