"""Who gets an address that two Services claim: the same on every node, in any order."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given

from app.domain.changes import Change
from app.domain.dataplane.ipvs.state import IPVSRules, ipvs_rules
from app.domain.dataplane.nftables.state import tables_of
from app.domain.dataplane.rules.model import ClaimRole, Conflict, NodeRules, RulesConfig
from app.domain.dataplane.rules.node_rules import node_rules
from app.domain.names import Revision
from app.domain.objects.node import Node, NodeAddress
from app.domain.objects.resource import Object
from app.domain.objects.service import (
    LoadBalancerIngress,
    Service,
    ServicePort,
    ServicePortName,
)
from app.domain.snapshot import Snapshot, load
from tests.builders import NOON, a_node, a_service, key
from tests.rules_strategies import rule_histories

VIP = "203.0.113.1"
NODE = a_node("n1")


def a_claimant(name: str, number: int, **fields: object) -> Service:
    address = f"10.96.0.{number}"
    service = a_service(name, cluster_ip=address, cluster_ips=(address,))
    return replace(service, **fields)


def rules_of(*objects: Object, node: Node = NODE) -> NodeRules:
    return node_rules(load(objects, revision=Revision(1)), node, RulesConfig())


def holder(rules: IPVSRules, address: str) -> list[str]:
    return [name.service.name for name, server in rules.served if server.key.address == address]


def a_loss(*, winner: str, loser: str, address: str, port: int, role: ClaimRole) -> Conflict:
    def name(service: str) -> ServicePortName:
        return ServicePortName(key(service), "http", "TCP")

    return Conflict(
        address=address,
        port=port,
        protocol="TCP",
        winner=name(winner),
        loser=name(loser),
        role=role,
    )


def test_the_older_service_keeps_an_external_address() -> None:
    old = a_claimant("z-old", 1, external_ips=(VIP,))
    new = a_claimant("a-new", 2, external_ips=(VIP,))
    new = replace(new, metadata=replace(new.metadata, created_at=NOON + timedelta(hours=1)))
    rules = rules_of(new, old)
    assert holder(ipvs_rules(rules), VIP) == ["z-old"]
    assert rules.conflicts == (
        a_loss(winner="z-old", loser="a-new", address=VIP, port=80, role=ClaimRole.EXTERNAL_IP),
    )


def test_of_the_same_age_the_lesser_name_wins() -> None:
    rules = rules_of(
        a_claimant("b", 1, external_ips=(VIP,)), a_claimant("a", 2, external_ips=(VIP,))
    )
    assert holder(ipvs_rules(rules), VIP) == ["a"]


def test_a_cluster_address_goes_before_an_external_one() -> None:
    squatter = a_claimant("a", 1, external_ips=("10.96.0.9",))
    rules = rules_of(squatter, a_claimant("z", 9))
    assert holder(ipvs_rules(rules), "10.96.0.9") == ["z"]


def test_an_external_address_goes_before_a_balancers() -> None:
    balanced = a_claimant("a", 1, ingress=(LoadBalancerIngress(ip=VIP),))
    rules = rules_of(balanced, a_claimant("z", 2, external_ips=(VIP,)))
    assert holder(ipvs_rules(rules), VIP) == ["z"]


def test_other_ports_of_a_shared_address_are_no_conflict() -> None:
    other = a_claimant("b", 2, external_ips=(VIP,), ports=(ServicePort(port=81, name="http"),))
    rules = rules_of(a_claimant("a", 1, external_ips=(VIP,)), other)
    assert holder(ipvs_rules(rules), VIP) == ["a", "b"]
    assert rules.conflicts == ()


def test_one_service_may_claim_an_address_twice() -> None:
    both = a_claimant("a", 1, external_ips=(VIP,), ingress=(LoadBalancerIngress(ip=VIP),))
    rules = rules_of(both)
    assert holder(ipvs_rules(rules), VIP) == ["a"]
    assert rules.conflicts == ()


def test_a_node_port_is_had_once() -> None:
    port = (ServicePort(port=80, name="http", node_port=30_080),)
    services = [a_claimant(n, i, type="NodePort", ports=port) for i, n in enumerate("ab", 1)]
    rules = rules_of(*services)
    assert holder(ipvs_rules(rules), "192.0.2.10") == ["a"]
    assert rules.conflicts == (
        a_loss(winner="a", loser="b", address="", port=30_080, role=ClaimRole.NODE_PORT),
    )


def test_of_two_with_one_cluster_address_one_has_it_and_the_other_its_node_port() -> None:
    ports = [(ServicePort(port=80, name="http", node_port=30_080 + i),) for i in range(2)]
    rules = rules_of(
        a_claimant("a", 9, type="NodePort", ports=ports[0]),
        a_claimant("b", 9, type="NodePort", ports=ports[1]),
    )
    told = ipvs_rules(rules)
    assert holder(told, "10.96.0.9") == ["a"]
    assert holder(told, "192.0.2.10") == ["a", "b"]
    assert [s.entries for s in told.ipsets if s.name == "KUBE-CLUSTER-IP"] == [
        ("10.96.0.9,tcp:80",)
    ]
    (table,) = (table for family, table in tables_of(rules).items() if family == "IPv4")
    assert set(table.sets["services-tcp"]) == {"10.96.0.9 . 80"}
    assert set(table.sets["node-port-services-tcp"]) == {"0.0.0.0 . 30080", "0.0.0.0 . 30081"}
    assert rules.conflicts == (
        a_loss(winner="a", loser="b", address="10.96.0.9", port=80, role=ClaimRole.CLUSTER_IP),
    )


def test_who_claims_an_address_twice_has_it_by_the_better_claim() -> None:
    both = a_claimant("z", 1, external_ips=(VIP,), ingress=(LoadBalancerIngress(ip=VIP),))
    rules = rules_of(both, a_claimant("a", 2, ingress=(LoadBalancerIngress(ip=VIP),)))
    assert holder(ipvs_rules(rules), VIP) == ["z"]
    assert rules.conflicts == (
        a_loss(winner="z", loser="a", address=VIP, port=80, role=ClaimRole.LOAD_BALANCER),
    )


def test_an_external_address_of_the_node_itself_goes_before_a_node_port() -> None:
    port = (ServicePort(port=80, name="http", node_port=30_080),)
    outside = (ServicePort(port=30_080, name="http"),)
    node = replace(
        NODE,
        addresses=(
            NodeAddress(type="InternalIP", address="192.0.2.10"),
            NodeAddress(type="InternalIP", address="192.0.2.11"),
        ),
    )
    rules = rules_of(
        a_claimant("a", 1, type="NodePort", ports=port),
        a_claimant("z", 2, external_ips=("192.0.2.10",), ports=outside),
        node=node,
    )
    assert holder(ipvs_rules(rules), "192.0.2.10") == ["z"]
    assert holder(ipvs_rules(rules), "192.0.2.11") == ["a"]
    assert [(c.address, c.role) for c in rules.conflicts] == [("192.0.2.10", ClaimRole.NODE_PORT)]


def test_an_invisible_service_claims_nothing() -> None:
    hidden = a_claimant("a", 1, external_ips=(VIP,))
    labels = {"service.kubernetes.io/service-proxy-name": "other"}
    hidden = replace(hidden, metadata=replace(hidden.metadata, labels=labels))
    rules = rules_of(hidden, a_claimant("b", 2, external_ips=(VIP,)))
    assert holder(ipvs_rules(rules), VIP) == ["b"]
    assert rules.conflicts == ()


@given(rule_histories())
def test_every_server_and_every_entry_has_one_owner(changes: list[Change]) -> None:
    rules = node_rules(Snapshot().apply(changes), NODE, RulesConfig())
    keys = [server.key for server in ipvs_rules(rules).virtual_servers]
    assert len(keys) == len(set(keys))


@given(rule_histories())
def test_a_conflict_names_one_who_has_it_and_one_who_has_not(changes: list[Change]) -> None:
    rules = node_rules(Snapshot().apply(changes), NODE, RulesConfig())
    owners = {
        (server.key.address, server.key.port, server.key.protocol): name
        for name, server in ipvs_rules(rules).served
    }
    for conflict in rules.conflicts:
        assert conflict.winner.service != conflict.loser.service
        if conflict.address:
            place = (conflict.address, conflict.port, conflict.protocol)
            assert owners[place].service != conflict.loser.service
