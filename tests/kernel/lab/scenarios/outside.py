"""From outside the cluster: node ports, external and balancer addresses, policies, ranges."""

from dataclasses import replace
from typing import Final

from tests.kernel.lab.lab import Lab, LabService
from tests.kernel.lab.network import NODES, OUTSIDE, addresses_of_node
from tests.kernel.lab.scenarios.expectations import (
    is_refused,
    is_silent,
    own_addresses,
    pods_reached,
    sources_seen,
)
from tests.kernel.lab.scenarios.registry import scenario

NODE_PORT: Final = 30080
EXTERNAL: Final = {"node1": "198.51.100.10", "node2": "198.51.100.138"}
EXTERNAL_6: Final = {"node1": "2001:db8:1::10", "node2": "2001:db8:2::10"}
"""Addresses that the outside host routes to the node of that name."""

WEB: Final = LabService(pods={"a1": 1, "b1": 1}, node_port=NODE_PORT)
EXPOSED: Final = LabService(
    pods={"a1": 1, "b1": 1}, external_ips=(*EXTERNAL.values(), *EXTERNAL_6.values())
)


@scenario()
def a_node_port_hides_the_client_behind_the_node(lab: Lab) -> None:
    lab.apply(WEB)
    for address in (NODES["node1"].ip, NODES["node1"].ip6):
        for protocol in ("tcp", "udp"):
            seen = sources_seen(OUTSIDE.name, address, NODE_PORT, protocol=protocol)
            assert set(seen) == {"a1", "b1"}, seen
            assert set().union(*seen.values()) <= addresses_of_node("node1"), seen


@scenario()
def a_node_port_serves_on_a_node_without_endpoints(lab: Lab) -> None:
    lab.apply(replace(WEB, pods={"b1": 1}))
    assert pods_reached(OUTSIDE.name, NODES["node1"].ip, NODE_PORT) == {"b1"}


@scenario()
def a_node_reaches_node_ports_of_itself_and_of_others(lab: Lab) -> None:
    lab.apply(WEB)
    for node in NODES.values():
        assert pods_reached("node1", node.ip, NODE_PORT) == {"a1", "b1"}
        assert pods_reached("client1", node.ip, NODE_PORT) == {"a1", "b1"}


@scenario()
def a_local_node_port_shows_the_client_to_pods_of_the_node(lab: Lab) -> None:
    lab.apply(replace(WEB, external_policy="Local"))
    for node, pod in (("node1", "a1"), ("node2", "b1")):
        for address in (NODES[node].ip, NODES[node].ip6):
            seen = sources_seen(OUTSIDE.name, address, NODE_PORT)
            assert seen.keys() == {pod}, seen
            assert seen[pod] <= own_addresses(OUTSIDE.name), seen


@scenario()
def a_local_node_port_is_silent_where_no_endpoint_is(lab: Lab) -> None:
    lab.apply(replace(WEB, pods={"b1": 1}, external_policy="Local"))
    assert is_silent(OUTSIDE.name, NODES["node1"].ip, NODE_PORT)
    assert pods_reached(OUTSIDE.name, NODES["node2"].ip, NODE_PORT) == {"b1"}
    # Pods of the cluster are not turned away.
    assert pods_reached("client1", NODES["node1"].ip, NODE_PORT) == {"b1"}


@scenario()
def a_node_port_without_endpoints_refuses_at_once(lab: Lab) -> None:
    lab.apply(replace(WEB, pods={}))
    for caller in (OUTSIDE.name, "client1"):
        assert is_refused(caller, NODES["node1"].ip, NODE_PORT), caller


@scenario()
def an_external_address_hides_the_client_behind_the_node(lab: Lab) -> None:
    lab.apply(EXPOSED)
    for node in NODES:
        for address in (EXTERNAL[node], EXTERNAL_6[node]):
            seen = sources_seen(OUTSIDE.name, address)
            assert set(seen) == {"a1", "b1"}, seen
            assert set().union(*seen.values()) <= addresses_of_node(node), seen


@scenario()
def a_local_external_address_shows_the_client_to_pods_of_the_node(lab: Lab) -> None:
    lab.apply(replace(EXPOSED, external_policy="Local"))
    for node, pod in (("node1", "a1"), ("node2", "b1")):
        seen = sources_seen(OUTSIDE.name, EXTERNAL[node])
        assert seen.keys() == {pod}, seen
        assert seen[pod] <= own_addresses(OUTSIDE.name), seen


@scenario()
def a_balancer_address_admits_its_source_ranges_only(lab: Lab) -> None:
    balanced = LabService(
        pods={"a1": 1, "b1": 1},
        load_balancer_ips=tuple(EXTERNAL.values()),
        source_ranges=("203.0.113.0/24",),
    )
    lab.apply(balanced)
    assert is_silent(OUTSIDE.name, EXTERNAL["node1"])
    assert pods_reached("client1", balanced.ip) == {"a1", "b1"}
    lab.apply(replace(balanced, source_ranges=("203.0.113.0/24", f"{OUTSIDE.ip}/32")))
    assert pods_reached(OUTSIDE.name, EXTERNAL["node1"]) == {"a1", "b1"}
    lab.apply(replace(balanced, source_ranges=("172.16.0.0/12", "172.18.0.0/16")))
    assert pods_reached(OUTSIDE.name, EXTERNAL["node1"]) == {"a1", "b1"}
    lab.apply(replace(balanced, source_ranges=()))
    assert pods_reached(OUTSIDE.name, EXTERNAL["node1"]) == {"a1", "b1"}
