"""Tables as values: what is written is read back, and differences lead where they should."""

import json

import pytest
from hypothesis import given, settings

from app.domain.addresses import IPFamily
from app.domain.changes import Change
from app.domain.dataplane.nftables import loading
from app.domain.dataplane.nftables.state import (
    Table,
    encode_difference,
    encode_whole,
    parse_listing,
    tables_of,
)
from app.domain.dataplane.nftables.text import encode
from app.domain.dataplane.rules.model import NodeRules, RulesConfig
from app.domain.dataplane.rules.node_rules import node_rules
from app.domain.errors import BadRequest
from app.domain.names import NamespacedName, Revision
from app.domain.snapshot import load
from tests.builders import a_node, a_service, an_endpoint, an_endpoint_slice
from tests.nft_model import Tables, loaded
from tests.rules_strategies import configs, rule_histories

NODE = a_node("n1")


def rules_after(changes: list[Change], config: RulesConfig) -> NodeRules:
    snapshot = load([], revision=Revision(0)).apply(changes)
    return node_rules(snapshot, snapshot.nodes.get(NamespacedName("", "n1"), NODE), config)


def some_rules() -> NodeRules:
    snapshot = load(
        [a_service(), an_endpoint_slice(an_endpoint("10.244.0.1"), an_endpoint("10.244.0.2"))],
        revision=Revision(1),
    )
    return node_rules(snapshot, NODE, RulesConfig())


def alike(tables: Tables) -> dict[str, object]:
    return {family: (table.sets, table.reachable()) for family, table in tables.items()}


def test_a_family_comes_and_goes_with_its_table() -> None:
    both = tables_of(some_rules())
    one = {IPFamily.IPV4: both[IPFamily.IPV4]}
    fresh = loaded(encode_difference({}, both), {})
    assert alike(fresh) == alike(loaded(encode_whole(both), {}))
    assert set(loaded(encode_difference(both, one), fresh)) == {"ip"}
    assert encode_difference(one, one) == ""


def test_a_text_of_many_elements_is_read_back() -> None:
    rules = some_rules()
    held = loading.loaded(encode(rules), {})
    assert held == tables_of(rules)
    assert held[IPFamily.IPV4].sets["endpoints-tcp"] == {
        "10.96.0.20 . 80 . 0": "10.244.0.1 . 8080",
        "10.96.0.20 . 80 . 1": "10.244.0.2 . 8080",
    }
    assert held[IPFamily.IPV4].sets["cluster-ips"] == {"10.96.0.20": ""}
    assert "accept" not in held[IPFamily.IPV4].chains["reject-all"]


def test_a_changed_rule_is_written_anew() -> None:
    held = tables_of(some_rules())[IPFamily.IPV4]
    foreign = Table(held.sets, {**held.chains, "reject-all": ("accept",), "nat-output": ()})
    current, desired = {IPFamily.IPV4: foreign}, {IPFamily.IPV4: held}
    assert encode_difference(current, desired).splitlines() == [
        "add chain ip waypost reject-all",
        "flush chain ip waypost reject-all",
        "add rule ip waypost reject-all meta l4proto tcp reject with tcp reset",
        "add rule ip waypost reject-all reject",
        "add chain ip waypost nat-output { type nat hook output priority -100; policy accept; }",
        "flush chain ip waypost nat-output",
        "add rule ip waypost nat-output jump services",
    ]


def test_a_listing_gives_elements_as_they_are_written() -> None:
    verdicts = [
        [{"concat": ["10.0.0.1", 80]}, {"goto": {"target": "pick-tcp-2"}}],
        [{"concat": ["10.0.0.2", 80]}, {"drop": None}],
    ]
    ranges = [
        {"concat": ["10.0.0.1", 80, {"prefix": {"addr": "10.0.0.0", "len": 8}}]},
        {"elem": {"val": {"concat": ["10.0.0.1", 80, "192.0.2.7"]}, "timeout": 5}},
    ]
    document = [
        {"table": {"family": "ip", "name": "waypost"}},
        {"map": {"name": "services-tcp", "elem": verdicts}},
        {"map": {"name": "choices-tcp", "elem": [[{"concat": ["10.0.0.1", 80, 3]}, "abcd:1"]]}},
        {"set": {"name": "source-ranges-tcp", "elem": ranges}},
        {"set": {"name": "cluster-ips", "elem": ["10.0.0.1"]}},
        {"set": {"name": "hairpin-tcp"}},
        {"map": {"name": "affinity-tcp", "elem": [["10.0.0.9", "abcd:1"]]}},
    ]
    assert parse_listing(json.dumps({"nftables": document})) == {
        "services-tcp": {"10.0.0.1 . 80": "goto pick-tcp-2", "10.0.0.2 . 80": "drop"},
        "choices-tcp": {"10.0.0.1 . 80 . 3": "abcd:1"},
        "source-ranges-tcp": {"10.0.0.1 . 80 . 10.0.0.0/8": "", "10.0.0.1 . 80 . 192.0.2.7": ""},
        "cluster-ips": {"10.0.0.1": ""},
        "hairpin-tcp": {},
    }


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"nftables": [{"map": {"elem": []}}]}'])
def test_what_is_no_listing_is_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        parse_listing(text)


@given(rule_histories(max_size=6), configs)
@settings(deadline=None)
def test_what_is_written_is_read_back(changes: list[Change], config: RulesConfig) -> None:
    rules = rules_after(changes, config)
    assert loading.loaded(encode(rules), {}) == tables_of(rules)


@given(rule_histories(max_size=6), rule_histories(max_size=6), configs, configs)
@settings(deadline=None)
def test_a_difference_leads_from_any_tables_to_any_others(
    some: list[Change], others: list[Change], config: RulesConfig, other_config: RulesConfig
) -> None:
    current = tables_of(rules_after(some, config))
    desired = tables_of(rules_after(others, other_config))
    led = loaded(encode_difference(current, desired), loaded(encode_whole(current), {}))
    assert alike(led) == alike(loaded(encode_whole(desired), {}))
    assert encode_difference(desired, desired) == ""
