"""Rules and operations decode to what was encoded."""

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from app.domain.changes import Change
from app.domain.dataplane.ipvs.operations import IPVSState, state_of
from app.domain.dataplane.ipvs.plan import plan
from app.domain.dataplane.ipvs.state import IPVSRules, ipvs_rules
from app.domain.dataplane.rules.health_checks import followed, health_check_changes, health_checks
from app.domain.dataplane.rules.model import (
    LocalDetection,
    RulesConfig,
)
from app.domain.dataplane.rules.node_rules import node_rules
from app.domain.objects.node import Node
from app.domain.snapshot import Snapshot
from app.schemas.rules.codec import decode_state, encode_rules, encode_text
from app.schemas.rules.health_checks import HealthCheckNodePortChange, encode_health_check_changes
from app.schemas.rules.models import NftablesRules, NodeRules
from app.schemas.rules.operations import Operation, encode_operation_list
from app.schemas.rules.virtual_servers import SERVED_PORT
from tests.builders import a_node
from tests.rules_strategies import addressed_nodes, configs, rule_histories

HEALTH_CHECKS = TypeAdapter(tuple[HealthCheckNodePortChange, ...])
OPERATIONS = TypeAdapter(tuple[Operation, ...])


@st.composite
def drawn_rules(draw: st.DrawFn) -> IPVSRules:
    """Draw the rules of a node."""
    snapshot = Snapshot().apply(draw(rule_histories(max_size=6)))
    return ipvs_rules(node_rules(snapshot, draw(addressed_nodes()), draw(configs)))


def rules_of(changes: list[Change], node: Node, config: RulesConfig) -> IPVSRules:
    return ipvs_rules(node_rules(Snapshot().apply(changes), node, config))


@given(drawn_rules())
def test_rules_decode_to_the_state_they_lead_to(rules: IPVSRules) -> None:
    read = NodeRules.model_validate_json(encode_rules(rules))
    assert decode_state(read) == state_of(rules)
    assert (read.conflicts, read.notices) == (rules.rules.conflicts, rules.rules.notices)


@given(drawn_rules())
def test_the_fast_encoder_of_virtual_servers_equals_their_spelling(rules: IPVSRules) -> None:
    spelled = [SERVED_PORT.write(served) for served in rules.served]
    written = json.loads(encode_rules(rules))["virtualServers"]
    assert json.dumps(written) == json.dumps(spelled)


@given(drawn_rules(), drawn_rules())
def test_health_checks_and_their_changes_decode_to_themselves(
    current: IPVSRules, desired: IPVSRules
) -> None:
    before, after = (health_checks(r.rules.services, r.rules.families) for r in (current, desired))
    read = NodeRules.model_validate_json(encode_rules(desired))
    assert followed(read.health_check_node_ports, {}) == after
    changes = health_check_changes(before, after)
    spelt = json.loads(json.dumps(encode_health_check_changes(changes)))
    assert HEALTH_CHECKS.validate_python(spelt) == changes


@given(drawn_rules())
def test_text_for_nft_decodes_with_its_health_checks(rules: IPVSRules) -> None:
    neutral = replace(rules.rules, is_eligible=False)
    read = NftablesRules.model_validate_json(encode_text(neutral, 'add table ip "waypost"\n'))
    assert read.text == 'add table ip "waypost"\n'
    assert (read.node, read.resource_version) == (neutral.node, str(neutral.revision))
    assert not read.node_eligible
    wanted = health_checks(neutral.services, neutral.families)
    assert followed(read.health_check_node_ports, {}) == wanted


@given(drawn_rules(), drawn_rules())
def test_operations_decode_to_themselves(current: IPVSRules, desired: IPVSRules) -> None:
    for operations in (
        plan(state_of(current), state_of(desired)),
        plan(IPVSState(), state_of(desired)),
        plan(state_of(current), IPVSState()),
    ):
        assert OPERATIONS.validate_json(f"[{encode_operation_list(operations)}]") == operations


def test_the_source_of_local_traffic_is_encoded() -> None:
    config = RulesConfig(
        local_detection=LocalDetection.BRIDGE_INTERFACE, local_interface="cbr0", strict_arp=True
    )
    rules = rules_of([], a_node("n1"), config)
    read = NodeRules.model_validate_json(encode_rules(rules))
    assert decode_state(read) == state_of(rules)
    assert read.netfilters[0].local_source is not None
