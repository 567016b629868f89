"""Cluster addresses: from Pods, from nodes, and from a Pod to itself."""

from dataclasses import replace

from tests.kernel.lab.lab import CONFIG, SERVICE_PORT, Lab, LabService
from tests.kernel.lab.network import PODS, addresses_of_node
from tests.kernel.lab.scenarios.expectations import (
    is_refused,
    own_addresses,
    pods_reached,
    reaches_nobody,
    sources_seen,
)
from tests.kernel.lab.scenarios.registry import scenario
from tests.kernel.lab.traffic import call

WEB = LabService(pods={"a1": 1, "b1": 1})


@scenario()
def a_pod_reaches_endpoints_on_its_own_and_on_another_node(lab: Lab) -> None:
    lab.apply(WEB)
    for caller in ("client1", "client2"):
        seen = sources_seen(caller, WEB.ip)
        assert set(seen) == {"a1", "b1"}, seen
        assert set().union(*seen.values()) <= own_addresses(caller), seen


@scenario()
def a_pod_reaches_endpoints_over_ipv6(lab: Lab) -> None:
    lab.apply(WEB)
    seen = sources_seen("client1", WEB.ip6)
    assert set(seen) == {"a1", "b1"}, seen
    assert set().union(*seen.values()) <= own_addresses("client1"), seen


@scenario()
def datagrams_are_answered(lab: Lab) -> None:
    lab.apply(WEB)
    for address in (WEB.ip, WEB.ip6):
        seen = sources_seen("client1", address, protocol="udp")
        assert set(seen) == {"a1", "b1"}, seen
        assert set().union(*seen.values()) <= own_addresses("client1"), seen


@scenario("ipvs")  # few kernels speak SCTP themselves; the one for IPVS does
def associations_are_balanced(lab: Lab) -> None:
    lab.apply(replace(WEB, protocols=("SCTP",)))
    seen = {
        call("client2", WEB.ip, SERVICE_PORT, protocol="sctp", source=PODS["client2"].ip).pod
        for _ in range(4)
    }
    assert seen == {"a1", "b1"}, seen


@scenario()
def a_node_reaches_a_cluster_address_itself(lab: Lab) -> None:
    lab.apply(WEB)
    for address in (WEB.ip, WEB.ip6):
        for protocol in ("tcp", "udp"):
            seen = sources_seen("node1", address, protocol=protocol)
            assert set(seen) == {"a1", "b1"}, seen
            assert set().union(*seen.values()) <= addresses_of_node("node1"), seen


@scenario()
def a_pod_reaches_itself_through_its_service(lab: Lab) -> None:
    lab.apply(replace(WEB, pods={"a1": 1}))
    for address in (WEB.ip, WEB.ip6):
        for protocol in ("tcp", "udp"):
            seen = sources_seen("a1", address, protocol=protocol)
            # Were it to see its own address, it would answer past the translation.
            assert seen.keys() == {"a1"}, seen
            assert seen["a1"] <= addresses_of_node("node1"), seen


@scenario()
def a_pod_reaches_others_as_itself_though_it_serves_too(lab: Lab) -> None:
    lab.apply(WEB)
    assert sources_seen("a1", WEB.ip)["b1"] <= own_addresses("a1")


@scenario()
def everything_is_masqueraded_when_so_configured(lab: Lab) -> None:
    lab.apply(WEB, config=replace(CONFIG, masquerade_all=True))
    seen = sources_seen("client1", WEB.ip)
    assert set().union(*seen.values()) <= addresses_of_node("node1"), seen


@scenario()
def a_service_without_endpoints_refuses_at_once(lab: Lab) -> None:
    lab.apply(replace(WEB, pods={}))
    for caller in ("client1", "node1"):
        for address in (WEB.ip, WEB.ip6):
            for protocol in ("tcp", "udp"):
                assert is_refused(caller, address, protocol=protocol), (caller, address, protocol)


@scenario("nftables")
def a_refusal_does_not_wait_for_the_client_to_repeat_itself(lab: Lab) -> None:
    lab.apply(replace(WEB, pods={}))
    for caller in ("client1", "node1"):
        for address in (WEB.ip, WEB.ip6):
            assert is_refused(caller, address, repetitions_max=0), (caller, address)


@scenario()
def a_port_that_no_service_has_refuses_at_once(lab: Lab) -> None:
    lab.apply(WEB)
    for caller in ("client1", "node1"):
        for address in (WEB.ip, WEB.ip6):
            assert is_refused(caller, address, 81), (caller, address)


@scenario()
def a_local_cluster_address_stays_on_the_node(lab: Lab) -> None:
    web = replace(WEB, internal_policy="Local")
    lab.apply(web)
    assert pods_reached("client1", web.ip) == {"a1"}
    assert pods_reached("client2", web.ip) == {"b1"}
    lab.apply(replace(web, pods={"b1": 1}))
    assert reaches_nobody("client1", web.ip)
    assert pods_reached("client2", web.ip) == {"b1"}
