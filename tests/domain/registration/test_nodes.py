"""Nodes: what one must be."""

from typing import Any

import pytest

from app.domain.objects.meta import Condition
from app.domain.objects.node import NodeAddress, Taint
from app.domain.registration import nodes
from tests.builders import a_node
from tests.domain.registration.core import told

BAD_CONDITION = (Condition(type="Ready", status="yes"),)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, []),
        ({"pod_cidrs": ("10.244.0.0/24", "fd00::/64")}, []),
        ({"pod_cidrs": ("10.244.0.1/24",)}, [("spec.podCIDRs[0]", "Invalid")]),
        ({"pod_cidrs": ("10.244.0.0/24", "10.245.0.0/24")}, [("spec.podCIDRs", "Invalid")]),
        (
            {"addresses": (NodeAddress(type="IP", address=""), NodeAddress(type="", address="x"))},
            [
                ("status.addresses[0].type", "NotSupported"),
                ("status.addresses[0].address", "Required"),
                ("status.addresses[1].type", "Required"),
            ],
        ),
        (
            {"addresses": (NodeAddress(type="InternalIP", address="n1"),) * 2},
            [
                ("status.addresses[0].address", "Invalid"),
                ("status.addresses[1]", "Duplicate"),
                ("status.addresses[1].address", "Invalid"),
            ],
        ),
        ({"addresses": (NodeAddress(type="Hostname", address="n1"),)}, []),
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
        ({"conditions": BAD_CONDITION}, [("status.conditions[0].status", "NotSupported")]),
        ({"allocatable": {"cpu": "3920m", "memory": "8Gi", "x": "1.5e3"}}, []),
        ({"allocatable": {"cpu": "-1"}}, [("status.allocatable[cpu]", "Invalid")]),
        ({"capacity": {"cpu": "four"}}, [("status.capacity[cpu]", "Invalid")]),
        ({"name": "N1"}, [("metadata.name", "Invalid")]),
    ],
)
def test_a_node_is_checked(fields: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert told(nodes.validate(a_node(**fields))) == expected


def test_a_node_keeps_its_prefix_and_provider() -> None:
    plain = a_node()
    settled = a_node(pod_cidrs=("10.244.0.0/24",), provider_id="cloud://1")
    assert not nodes.validate_update(plain, settled)
    assert not nodes.validate_update(settled, settled)
    assert told(nodes.validate_update(settled, plain)) == [
        ("spec.podCIDRs", "Forbidden"),
        ("spec.providerID", "Forbidden"),
    ]
