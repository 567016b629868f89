"""Entries of sets: which clients may reach a balancer's address, the node itself among them."""

import pytest

from app.domain.dataplane.ipvs.state import IPVSRules, ipvs_rules
from app.domain.dataplane.rules.model import RulesConfig
from app.domain.dataplane.rules.node_rules import node_rules
from app.domain.names import Revision
from app.domain.objects.service import LoadBalancerIngress
from app.domain.snapshot import load
from tests.builders import a_node, a_service, an_endpoint, an_endpoint_slice

VIP, NODE_ADDRESS = "203.0.113.9", "192.0.2.10"


def balanced(*ranges: str) -> IPVSRules:
    service = a_service(
        type="LoadBalancer",
        ingress=(LoadBalancerIngress(ip=VIP),),
        load_balancer_source_ranges=ranges,
    )
    snapshot = load([service, an_endpoint_slice(an_endpoint())], revision=Revision(1))
    return ipvs_rules(node_rules(snapshot, a_node("n1"), RulesConfig()))


def entries(rules: IPVSRules) -> dict[str, tuple[str, ...]]:
    prefix = "KUBE-LOAD-BALANCER-"
    return {
        ipset.name.removeprefix(prefix): ipset.entries
        for ipset in rules.ipsets
        if ipset.name.startswith(prefix) and ipset.entries
    }


@pytest.mark.parametrize(
    ("ranges", "found"),
    [
        ((), {}),
        (
            ("198.51.100.0/24",),
            {
                "FW": (f"{VIP},tcp:80",),
                "SOURCE-CIDR": (f"{VIP},tcp:80,198.51.100.0/24",),
            },
        ),
        # The node is inside: it reaches the address from that address itself.
        (
            ("192.0.2.0/24",),
            {
                "FW": (f"{VIP},tcp:80",),
                "SOURCE-CIDR": (f"{VIP},tcp:80,192.0.2.0/24",),
                "SOURCE-IP": (f"{VIP},tcp:80,{VIP}",),
            },
        ),
    ],
)
def test_clients_of_the_ranges_are_let_through_and_the_node_when_it_is_one(
    ranges: tuple[str, ...], found: dict[str, tuple[str, ...]]
) -> None:
    assert entries(balanced(*ranges)) == found


@pytest.mark.parametrize(
    ("ranges", "is_rejecting"),
    [((), False), (("192.0.2.0/24",), False), (("198.51.100.0/24",), True)],
)
def test_addresses_reject_a_node_outside_the_ranges(
    ranges: tuple[str, ...], *, is_rejecting: bool
) -> None:
    rejecting = [
        closed.address for rule in balanced(*ranges).netfilters for closed in rule.rejecting
    ]
    assert rejecting == ([VIP] if is_rejecting else [])
