"""An unusable status is accepted with a warning."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.addresses import canonical
from app.domain.dataplane.rules.model import RulesConfig
from app.domain.dataplane.rules.node_facts import node_facts
from app.domain.names import Revision
from app.domain.objects.meta import Condition
from app.domain.objects.node import IP_ADDRESS_TYPES, NodeAddress
from app.domain.objects.pod import Container, ExecAction, Probe
from app.domain.registration import nodes
from app.domain.registration.pod_conditions import with_pod_defaults
from app.domain.registration.status_warnings import node_warnings, pod_warnings
from app.domain.snapshot import load
from tests.builders import a_node, a_pod

ODD_READY = (Condition(type="Ready", status="yes"),)
BY_COMMAND = Container(readiness_probe=Probe(exec=ExecAction(command=("true",))))


def fields(warnings: tuple[str, ...]) -> list[str]:
    return [warning.partition(": ")[0] for warning in warnings]


def addresses(*pairs: tuple[str, str]) -> tuple[NodeAddress, ...]:
    return tuple(NodeAddress(type=type_, address=text) for type_, text in pairs)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({}, []),
        ({"addresses": addresses(("InternalIP", "192.0.2.1"), ("LegacyHostIP", "x"))}, []),
        (
            {"addresses": addresses(("InternalIP", "n1"), ("ExternalIP", "192.0.2.1"))},
            ["status.addresses[0].address"],
        ),
        (
            {"addresses": addresses(("Hostname", "n1"), ("InternalIP", ""))},
            ["status.addresses[1].address", "status.addresses"],
        ),
        ({"addresses": ()}, ["status.addresses"]),
        (
            {"conditions": (*ODD_READY, Condition(type="Disk", status="?"))},
            ["status.conditions[0].status"],
        ),
    ],
)
def test_a_node_that_rules_cannot_use_has_warnings(
    status: dict[str, Any], expected: list[str]
) -> None:
    assert fields(node_warnings(None, a_node(**status))) == expected


def test_addresses_of_a_node_are_checked_when_they_change() -> None:
    bare = a_node(addresses=())
    assert fields(node_warnings(a_node(), bare)) == ["status.addresses"]
    assert node_warnings(bare, bare) == ()


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({}, []),
        ({"pod_ips": ()}, ["status.podIPs"]),
        ({"pod_ips": (), "phase": "Succeeded"}, []),
        ({"phase": "Ready"}, ["status.phase"]),
        ({"conditions": ODD_READY}, ["status.conditions[0].status"]),
        ({"containers": (BY_COMMAND,)}, []),
        ({"containers": (BY_COMMAND,), "conditions": ()}, ["spec"]),
    ],
)
def test_an_unusable_or_incomplete_pod_has_warnings(
    status: dict[str, Any], expected: list[str]
) -> None:
    assert fields(pod_warnings(None, with_pod_defaults(a_pod(**status)))) == expected


def test_a_pod_that_lacks_something_has_one_warning_on_creation() -> None:
    pod = with_pod_defaults(a_pod(pod_ips=(), containers=(BY_COMMAND,), conditions=()))
    assert pod_warnings(pod, pod) == ()


texts = st.sampled_from(["", "192.0.2.1", "010.0.0.1", "n1", "fd00::1", "1.2"])
types = st.sampled_from(["InternalIP", "ExternalIP", "LegacyHostIP", "Hostname", ""])


@given(st.lists(st.tuples(types, texts), max_size=5))
def test_any_addresses_are_accepted_and_rules_use_those_without_warning(
    listed: list[tuple[str, str]],
) -> None:
    node = a_node(addresses=addresses(*listed))
    assert not nodes.STRATEGY.violations(None, node)
    facts = node_facts(load([node], revision=Revision(1)), node, RulesConfig())
    used = {address for family in facts.families for address in family.addresses}
    passed_over = fields(node_warnings(None, node))
    assert used == {
        canonical(entry.address)
        for index, entry in enumerate(node.addresses)
        if entry.type in IP_ADDRESS_TYPES
        and f"status.addresses[{index}].address" not in passed_over
    }
    assert bool(used) != ("status.addresses" in passed_over)
