"""Loading a text makes of tables what a kernel makes of them, and refuses what it refuses."""

import pytest
from hypothesis import given, settings

from app.domain.addresses import IPFamily
from app.domain.changes import Change
from app.domain.dataplane.nftables.loading import loaded
from app.domain.dataplane.nftables.state import Table, Tables, encode_difference, tables_of
from app.domain.dataplane.nftables.text import encode
from app.domain.dataplane.rules.model import RulesConfig
from app.domain.dataplane.rules.node_rules import node_rules
from app.domain.errors import BadRequest
from app.domain.names import NamespacedName, Revision
from app.domain.objects.node import Node
from app.domain.snapshot import Snapshot, load
from tests.builders import a_node, a_service, an_endpoint, an_endpoint_slice
from tests.rules_strategies import configs, rule_histories

NODE = a_node("n1")
WEB = load(
    [a_service(), an_endpoint_slice(an_endpoint("10.244.0.1"), an_endpoint("10.244.0.2"))],
    revision=Revision(2),
)
BARE = load([a_service()], revision=Revision(1))
BOTH, ALONE = RulesConfig(), RulesConfig(ip_families=(IPFamily.IPV4,))


def node_of(snapshot: Snapshot) -> Node:
    return snapshot.nodes.get(NamespacedName("", "n1"), NODE)


def held(snapshot: Snapshot, config: RulesConfig, node: Node | None = None) -> Tables:
    return tables_of(node_rules(snapshot, node or node_of(snapshot), config))


def differs(left: Tables, right: Tables) -> str:
    """Whether tables differ in more than chains that nobody goes to any more."""
    return encode_difference(left, right)


def test_a_whole_is_loaded_over_nothing_over_itself_and_over_others() -> None:
    text, wanted = encode(node_rules(WEB, NODE, BOTH)), held(WEB, BOTH)
    nothing: Tables = {}
    for before in (nothing, wanted, held(BARE, BOTH), held(BARE, ALONE)):
        assert differs(loaded(text, before), wanted) == ""


def test_a_family_that_is_not_served_any_more_loses_its_table() -> None:
    text = encode(node_rules(WEB, NODE, ALONE))
    assert set(loaded(text, held(WEB, BOTH))) == {IPFamily.IPV4}
    # What has just been written to it goes with it.
    elements = "add element ip6 waypost cluster-ips { fd00::14 }\n"
    assert set(loaded(elements + text, held(WEB, BOTH))) == {IPFamily.IPV4}
    again = "add table ip6 waypost\ndelete table ip6 waypost\n"
    assert loaded(again, {}) == {}


def test_a_difference_leads_from_one_state_to_the_other() -> None:
    for before, after in ((BARE, WEB), (WEB, BARE)):
        current, desired = held(before, BOTH), held(after, BOTH)
        reached = loaded(encode_difference(current, desired), current)
        assert differs(reached, desired) == ""
        assert current == held(before, BOTH), "what was held is left as it was"


def test_chains_are_made_emptied_and_filled() -> None:
    tables = {IPFamily.IPV4: Table({}, {"nat": ("type nat hook output;", "accept")})}
    text = (
        "flush chain ip waypost nat\n"
        "add rule ip waypost nat jump mine\n"
        "add chain ip waypost mine\n"
        "add chain ip waypost nat { type nat hook output; }\n"
        "add chain ip waypost pre { type nat hook prerouting; }\n"
    )
    assert loaded(text, tables)[IPFamily.IPV4].chains == {
        "nat": ("type nat hook output;", "jump mine"),
        "mine": (),
        "pre": ("type nat hook prerouting;",),
    }


@pytest.mark.parametrize(
    "line",
    [
        "list table ip waypost",
        "delete table ip6 waypost",
        "delete chain ip waypost services",
        "flush set ip waypost nothing",
        "table ip waypost {\n  chain mine {\n    accept",
        "table ip waypost {\n    accept\n}",
        "table ip other {\n}",
        "add element ip waypost services-tcp { 10.96.0.20 . 80 : drop }",  # it holds another
        "delete element ip waypost cluster-ips { 192.0.2.1 }",
        "add element ip waypost nothing { 192.0.2.1 }",
        "add element ip waypost services-tcp { 10.96.0.99 . 80 : goto nowhere }",
        "add rule ip waypost nowhere accept",
        "flush chain ip waypost nowhere",
        "add element ip theirs cluster-ips { 192.0.2.1 }",
        "add element arp waypost cluster-ips { 192.0.2.1 }",
        "flush ruleset",
        "",
    ],
)
def test_what_does_not_fit_is_refused(line: str) -> None:
    tables = held(BARE, ALONE)
    with pytest.raises(BadRequest):
        loaded(f"{line}\n", tables)


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
