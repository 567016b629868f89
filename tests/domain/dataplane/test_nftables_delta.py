"""Deltas of the nftables text equal the difference between whole texts, which are the oracle."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.changes import Change
from app.domain.dataplane.nftables import encode
from app.domain.dataplane.nftables_delta import NftablesRulesSource, loaded
from app.domain.dataplane.nftables_state import Tables, encode_difference, tables_of
from app.domain.dataplane.node_rules import node_rules
from app.domain.dataplane.rules import RulesConfig
from app.domain.dataplane.steps import step_to
from app.domain.errors import BadRequest
from app.domain.names import NamespacedName, Revision
from app.domain.objects.node import Node
from app.domain.snapshot import Snapshot, load
from tests.builders import a_node, a_service, an_endpoint, an_endpoint_slice
from tests.rules_strategies import configs, rule_histories

NODE = a_node("n1")


def node_of(snapshot: Snapshot) -> Node:
    return snapshot.nodes.get(NamespacedName("", "n1"), NODE)


def held(snapshot: Snapshot, config: RulesConfig) -> Tables:
    return tables_of(node_rules(snapshot, node_of(snapshot), config))


def differs(left: Tables, right: Tables) -> str:
    """Whether tables differ in more than chains that nobody goes to any more."""
    return encode_difference(left, right)


def test_one_endpoint_more_is_one_element_and_one_chain() -> None:
    one = an_endpoint_slice(an_endpoint("10.244.0.1"))
    two = an_endpoint_slice(*one.endpoints, an_endpoint("10.244.0.2"))
    before = load([a_service(), one], revision=Revision(1))
    change = Change(revision=Revision(2), before=one, after=two)
    step = step_to(before.apply([change]), [change], since=before.revision)
    source = NftablesRulesSource(RulesConfig())
    text = source.delta(step, NODE, NODE)
    assert (
        "add element ip waypost endpoints-tcp { 10.96.0.20 . 80 . 1 : 10.244.0.2 . 8080 }" in text
    )
    assert text.count("element") == 3
    assert source.delta(step, a_node("n2"), a_node("n2")) is text


def test_a_node_that_was_not_there_is_told_everything() -> None:
    snapshot = load([a_service()], revision=Revision(1))
    step = step_to(snapshot, [], since=Revision(0))
    text = NftablesRulesSource(RulesConfig()).delta(step, None, NODE)
    assert text == encode(node_rules(snapshot, NODE, RulesConfig()))


@pytest.mark.parametrize(
    "line",
    [
        "delete element ip waypost cluster-ips { 192.0.2.1 }",
        "add element ip waypost nothing { 192.0.2.1 }",
        "add rule ip waypost nowhere accept",
        "flush chain ip waypost nowhere",
        "add element ip theirs cluster-ips { 192.0.2.1 }",
        "add element arp waypost cluster-ips { 192.0.2.1 }",
        "flush ruleset",
        "",
    ],
)
def test_what_does_not_fit_is_refused(line: str) -> None:
    tables = held(load([a_service()], revision=Revision(1)), RulesConfig())
    with pytest.raises(BadRequest):
        loaded(f"{line}\n", tables)


@given(rule_histories(max_size=8), configs, st.data())
@settings(deadline=None)
def test_loading_a_delta_leads_where_the_whole_leads(
    changes: list[Change], config: RulesConfig, data: st.DataObject
) -> None:
    source = NftablesRulesSource(config)
    since = data.draw(st.integers(0, len(changes)))
    before, after = Snapshot().apply(changes[:since]), Snapshot().apply(changes)
    step = step_to(after, changes[since:], since=before.revision)
    text = source.delta(step, node_of(before), node_of(after))
    reached = loaded(text, held(before, config))
    assert differs(reached, held(after, config)) == ""
    assert source.delta(step, node_of(before), node_of(after)) == text


@given(rule_histories(max_size=8), configs)
@settings(deadline=None)
def test_a_difference_is_loaded_as_a_delta_is(changes: list[Change], config: RulesConfig) -> None:
    before, after = Snapshot().apply(changes[: len(changes) // 2]), Snapshot().apply(changes)
    current, desired = held(before, config), held(after, config)
    assert differs(loaded(encode_difference(current, desired), current), desired) == ""
    # A table that is not there is written whole, beside the difference of the other.
    for family in tuple(current):
        part = {kept: table for kept, table in current.items() if kept is not family}
        assert differs(loaded(encode_difference(part, desired), part), desired) == ""


@given(rule_histories(max_size=8), configs)
@settings(deadline=None)
def test_a_whole_is_loaded_over_anything(changes: list[Change], config: RulesConfig) -> None:
    before, after = Snapshot().apply(changes[: len(changes) // 2]), Snapshot().apply(changes)
    text = encode(node_rules(after, node_of(after), config))
    assert differs(loaded(text, held(before, config)), held(after, config)) == ""
    assert differs(loaded(text, {}), held(after, config)) == ""
