"""What of a node its rules depend on: addresses, node ports, local traffic."""

from dataclasses import replace
from ipaddress import ip_address, ip_network
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.addresses import IPFamily
from app.domain.dataplane.ipvs.iptables import nat_rules
from app.domain.dataplane.ipvs.state import ipvs_rules
from app.domain.dataplane.rules.model import (
    LocalDetection,
    NodeFamily,
    NoticeReason,
    RulesConfig,
)
from app.domain.dataplane.rules.node_facts import node_facts
from app.domain.dataplane.rules.node_rules import node_rules, service_ranges
from app.domain.names import Revision
from app.domain.objects.node import Node, NodeAddress
from app.domain.objects.service import LoadBalancerIngress, Service, ServicePort
from app.domain.objects.service_cidr import ServiceCIDR
from app.domain.snapshot import Snapshot, load
from tests.builders import (
    NOON,
    a_meta,
    a_node,
    a_service,
    a_service_cidr,
    an_endpoint,
    an_endpoint_slice,
)
from tests.rules_strategies import service_cidrs

NODE = a_node("n1")


def a_node_at(*addresses: str, **fields: object) -> Node:
    node = a_node(
        "n1", addresses=tuple(NodeAddress(type="InternalIP", address=a) for a in addresses)
    )
    return replace(node, **fields)


def family(
    node: Node, config: RulesConfig | None = None, ip: IPFamily = IPFamily.IPV4
) -> NodeFamily:
    found = node_facts(Snapshot(), node, config or RulesConfig())
    return next(facts for facts in found.families if facts.family is ip)


def test_loopback_and_link_local_addresses_are_no_place_to_be_reached_at() -> None:
    node = a_node_at("192.0.2.1", "127.0.0.1", "::1", "fe80::1", "2001:db8::1", "169.254.1.1")
    assert family(node).addresses == ("169.254.1.1", "192.0.2.1")
    assert family(node, ip=IPFamily.IPV6).addresses == ("2001:db8::1",)


def test_a_mapped_address_counts_as_the_one_it_maps() -> None:
    assert family(a_node_at("::ffff:192.0.2.1")).addresses == ("192.0.2.1",)


def test_hostnames_are_no_addresses() -> None:
    named = NodeAddress(type="Hostname", address="192.0.2.9")
    assert family(replace(a_node("n1"), addresses=(named,))).addresses == ()


def test_the_first_internal_address_is_the_primary_one() -> None:
    outside = NodeAddress(type="ExternalIP", address="203.0.113.1")
    node = a_node_at("192.0.2.9", "192.0.2.1")
    node = replace(node, addresses=(outside, *node.addresses))
    assert family(node).primary_address == "192.0.2.9"
    assert family(replace(node, addresses=(outside,))).primary_address == "203.0.113.1"


@pytest.mark.parametrize(
    ("wanted", "answering", "has_all"),
    [
        ((), ("192.0.2.1", "192.0.2.2"), True),
        (("0.0.0.0/0",), ("192.0.2.1", "192.0.2.2"), True),
        (("2001:db8::/32",), ("192.0.2.1", "192.0.2.2"), True),
        (("192.0.2.2/32", "203.0.113.0/24"), ("192.0.2.2",), False),
        (("203.0.113.0/24",), (), False),
        (("primary",), ("192.0.2.1",), False),
        (("primary", "192.0.2.2/32"), ("192.0.2.1", "192.0.2.2"), False),
    ],
)
def test_node_ports_answer_where_the_configuration_says(
    wanted: tuple[str, ...], answering: tuple[str, ...], has_all: object
) -> None:
    facts = family(a_node_at("192.0.2.1", "192.0.2.2"), RulesConfig(node_port_addresses=wanted))
    assert (facts.node_port_addresses, facts.has_all_node_ports) == (answering, has_all)


@pytest.mark.parametrize(
    ("config", "match"),
    [
        (RulesConfig(cluster_cidrs=("10.244.0.0/16",)), "dst,dst ! -s 10.244.0.0/16 -j"),
        (RulesConfig(local_detection=LocalDetection.NODE_CIDR), "dst,dst ! -s 10.244.1.0/24 -j"),
        (
            RulesConfig(local_detection=LocalDetection.BRIDGE_INTERFACE, local_interface="br0"),
            "dst,dst ! -i br0 -j",
        ),
        (
            RulesConfig(
                local_detection=LocalDetection.INTERFACE_NAME_PREFIX, local_interface="veth"
            ),
            "dst,dst ! -i veth+ -j",
        ),
        (RulesConfig(), "src,dst -j"),
        (RulesConfig(masquerade_all=True, cluster_cidrs=("10.244.0.0/16",)), "dst,dst -j"),
    ],
)
def test_traffic_from_elsewhere_is_marked(config: RulesConfig, match: str) -> None:
    node = a_node_at("192.0.2.1", pod_cidrs=("10.244.1.0/24",))
    snapshot = load([a_service()], revision=Revision(1))
    rules = nat_rules(ipvs_rules(node_rules(snapshot, node, config)).netfilters[0])
    marking = [rule for rule in rules if "KUBE-CLUSTER-IP" in rule and "MARK-MASQ" in rule]
    assert marking == [
        f"-A KUBE-SERVICES -m set --match-set KUBE-CLUSTER-IP {match} KUBE-MARK-MASQ"
    ]


def a_balanced(*ranges: str, **fields: object) -> Service:
    service = a_service(
        type="LoadBalancer",
        ingress=(LoadBalancerIngress(ip="203.0.113.9"),),
        load_balancer_source_ranges=ranges,
    )
    return replace(service, **fields)


def test_ranges_of_the_other_family_only_are_noticed() -> None:
    snapshot = load([a_balanced("2001:db8::/32")], revision=Revision(1))
    (notice,) = node_rules(snapshot, a_node("n1"), RulesConfig()).notices
    assert notice.reason is NoticeReason.SOURCE_RANGES_OF_OTHER_FAMILY


def test_a_range_of_one_address_loses_its_mask() -> None:
    snapshot = load([a_balanced("198.51.100.7/32", " 10.1.2.3/8 ")], revision=Revision(1))
    (service,) = node_rules(snapshot, a_node("n1"), RulesConfig()).services
    assert service.ports[0].source_ranges == ("10.0.0.0/8", "198.51.100.7")


@pytest.mark.parametrize(
    ("chosen", "weights", "scheduler"),
    [
        (None, (1, 1), "rr"),
        (None, (1, 3), "wrr"),
        (None, (1, 0), "rr"),
        ("lc", (2, 3), "wlc"),
        ("lc", (2, 2), "lc"),
        ("sh", (1, 3), "sh"),
    ],
)
def test_weights_that_differ_want_a_scheduler_that_looks_at_them(
    chosen: str | None, weights: tuple[int, ...], scheduler: str
) -> None:
    ends = [an_endpoint(f"10.244.0.{i}", weight=w) for i, w in enumerate(weights)]
    service = a_service(scheduler=chosen)
    snapshot = load([service, an_endpoint_slice(*ends)], revision=Revision(1))
    (server,) = ipvs_rules(node_rules(snapshot, a_node("n1"), RulesConfig())).virtual_servers
    assert server.scheduler == scheduler
    assert tuple(weight for _, _, weight in server.real_servers) == weights


def test_an_old_object_without_families_is_served_at_its_one_address() -> None:
    service = a_service(ip_families=(), cluster_ips=())
    snapshot = load([service], revision=Revision(1))
    (server,) = ipvs_rules(node_rules(snapshot, a_node("n1"), RulesConfig())).virtual_servers
    assert server.key.address == "10.96.0.20"


def test_a_port_given_twice_counts_once() -> None:
    ports = (ServicePort(port=80, name="http"), ServicePort(port=80, name="again"))
    snapshot = load([a_service(ports=ports)], revision=Revision(1))
    rules = node_rules(snapshot, a_node("n1"), RulesConfig())
    assert [port.name.port for port in rules.services[0].ports] == ["http"]


def test_services_come_in_order_and_their_ports_as_they_are_listed() -> None:
    ports = tuple(ServicePort(port=80 - place, name=f"p{place}") for place in range(2))
    dual = a_service(
        "b",
        ports=ports,
        cluster_ip="10.96.0.21",
        cluster_ips=("10.96.0.21", "fd00::15"),
        ip_families=("IPv4", "IPv6"),
    )
    rules = node_rules(load([dual, a_service("a")], revision=Revision(1)), NODE, RulesConfig())
    listed = [
        (port.name.service.name, port.family, port.port) for s in rules.services for port in s.ports
    ]
    assert listed == [
        ("a", "IPv4", 80),
        ("b", "IPv4", 80),
        ("b", "IPv4", 79),
        ("b", "IPv6", 80),
        ("b", "IPv6", 79),
    ]


def state_of(*ranges: ServiceCIDR) -> Snapshot:
    return load(ranges, revision=Revision(1))


def test_ranges_of_all_objects_are_listed_by_family_and_number() -> None:
    later = a_service_cidr("fd00:10:97::/112", "10.112.0.0/16", name="a-later-one")
    first = a_service_cidr("10.96.0.0/12", "fd00:10:96::/112")
    assert service_ranges(state_of(later, first)) == (
        "10.96.0.0/12",
        "10.112.0.0/16",
        "fd00:10:96::/112",
        "fd00:10:97::/112",
    )


def test_a_range_within_another_is_not_listed_beside_it() -> None:
    both = state_of(a_service_cidr("10.96.0.0/12"), a_service_cidr("10.97.0.0/16", name="more"))
    assert service_ranges(both) == ("10.96.0.0/12",)


def test_a_range_that_is_being_retired_counts_until_it_is_gone() -> None:
    retired = ServiceCIDR(metadata=a_meta("more", "", deleted_at=NOON), cidrs=("10.112.0.0/16",))
    assert service_ranges(state_of(retired)) == ("10.112.0.0/16",)
    assert service_ranges(Snapshot()) == ()


def test_what_is_no_range_is_left_out() -> None:
    assert service_ranges(state_of(a_service_cidr("nonsense", "10.96.0.0/12"))) == ("10.96.0.0/12",)


@given(st.lists(service_cidrs, max_size=3))
def test_ranges_cover_what_the_objects_do_and_do_not_overlap(served: list[ServiceCIDR]) -> None:
    snapshot = state_of(*{each.metadata.name: each for each in served}.values())
    found = [ip_network(text) for text in service_ranges(snapshot)]
    for one, other in combinations(found, 2):
        assert one.version != other.version or not one.overlaps(other)
    wanted = [ip_network(text) for each in snapshot.service_cidrs.values() for text in each.cidrs]
    for edge in ("10.95.255.255", "10.96.0.0", "10.112.0.0", "10.120.0.0", "fd00:10:96::1:1"):
        address = ip_address(edge)
        assert any(address in prefix for prefix in found) == any(
            address in prefix for prefix in wanted
        )
