"""Rules for Nodes."""

from typing import Any

import pytest

from app.domain.objects.meta import Condition
from app.domain.objects.node import NodeAddress, Taint
from app.domain.registration import nodes
from tests.builders import a_node
from tests.domain.registration.core import reasons


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, []),
        ({"pod_cidrs": ("10.244.0.0/24", "fd00::/64")}, []),
        ({"pod_cidrs": ("10.244.0.1/24",)}, [("spec.podCIDRs[0]", "Invalid")]),
        ({"pod_cidrs": ("10.244.0.0/24", "10.245.0.0/24")}, [("spec.podCIDRs", "Invalid")]),
        (
            {
                "addresses": (
                    NodeAddress(type="LegacyHostIP", address="192.0.2.1"),
                    NodeAddress(type="", address=""),
                    *(NodeAddress(type="InternalIP", address="n1"),) * 2,
                ),
                "conditions": (Condition(type="", status="yes"),),
            },
            [],
        ),
        ({"taints": (Taint(key="a.b/c", value="d", effect="NoExecute"),)}, []),
        (
            {
                "taints": (
                    Taint(key="a", effect="NoSchedule"),
                    Taint(key="a", effect="NoSchedule"),
                    Taint(key="-", value="-", effect=""),
                    Taint(key="b", effect="Never"),
                )
            },
            [
                ("spec.taints[1]", "Duplicate"),
                ("spec.taints[2].key", "Invalid"),
                ("spec.taints[2].value", "Invalid"),
                ("spec.taints[2].effect", "Required"),
                ("spec.taints[3].effect", "NotSupported"),
            ],
        ),
        ({"allocatable": {"cpu": "3920m", "memory": "8Gi", "x": "1.5e3"}}, []),
        ({"allocatable": {"cpu": "-1"}}, [("status.allocatable[cpu]", "Invalid")]),
        ({"capacity": {"cpu": "four"}}, [("status.capacity[cpu]", "Invalid")]),
        ({"name": "N1"}, [("metadata.name", "Invalid")]),
    ],
)
def test_a_node_is_checked(fields: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert reasons(nodes.STRATEGY.violations(None, a_node(**fields))) == expected


def test_a_node_keeps_its_prefix_and_provider() -> None:
    plain = a_node()
    settled = a_node(pod_cidrs=("10.244.0.0/24",), provider_id="cloud://1")
    assert not nodes.STRATEGY.violations(plain, settled)
    assert not nodes.STRATEGY.violations(settled, settled)
    odd = a_node(addresses=(NodeAddress(type="InternalIP", address="n1"),) * 2)
    assert not nodes.STRATEGY.violations(plain, odd)
    assert reasons(nodes.STRATEGY.violations(settled, plain)) == [
        ("spec.podCIDRs", "Forbidden"),
        ("spec.providerID", "Forbidden"),
    ]
