"""Every IPVS vector, as the core computes it.

``STRICT_CLUSTER_ADDRESSES`` and ``OPEN_HEALTH_CHECKS`` in ``tests.rules_vectors`` list the
vectors in which Waypost means to differ, and why.
"""

from typing import Any

import pytest

from app.domain.dataplane.ipvs.iptables import filter_rules, nat_rules
from app.domain.dataplane.ipvs.ipvsadm import encode_servers
from app.domain.dataplane.ipvs.state import IPVSRules, ipvs_rules
from app.domain.dataplane.rules.model import NodeRules
from app.domain.dataplane.rules.node_rules import node_rules
from tests.rules_vectors import Vector, load_vectors

every_vector = pytest.mark.parametrize("vector", load_vectors(), ids=lambda vector: vector.name)


def rules_for(vector: Vector) -> NodeRules:
    return node_rules(vector.snapshot(), vector.node(), vector.config())


def ipvs_for(vector: Vector) -> IPVSRules:
    return ipvs_rules(rules_for(vector))


@every_vector
def test_virtual_servers_have_their_real_servers(vector: Vector) -> None:
    assert spelt_servers(ipvs_for(vector)) == vector.virtual_servers


@every_vector
def test_sets_hold_their_entries(vector: Vector) -> None:
    sets = {s.name: list(s.entries) for s in ipvs_for(vector).ipsets if s.entries}
    assert sets == vector.ipsets


@every_vector
def test_the_dummy_interface_holds_the_virtual_addresses(vector: Vector) -> None:
    assert list(ipvs_for(vector).addresses) == vector.expect["bind_addresses"]


@every_vector
def test_balancer_addresses_are_shut_to_a_node_outside_their_ranges(vector: Vector) -> None:
    shut = [
        {"vip": closed.address, "protocol": closed.protocol.lower(), "port": closed.port}
        for netfilter in ipvs_for(vector).netfilters
        for closed in netfilter.rejecting
    ]
    assert shut == vector.expect.get("out_filter_drops", [])


@every_vector
def test_health_checks_count_ready_endpoints_of_the_node(vector: Vector) -> None:
    checks = {
        str(service.service): {
            "port": service.health_check.port,
            "localEndpoints": service.health_check.local_endpoints,
        }
        for service in rules_for(vector).services
        if service.health_check is not None
    }
    assert checks == vector.expect.get("health_check_node_ports", {})


@every_vector
def test_services_without_local_endpoints_are_known(vector: Vector) -> None:
    ports = [port for service in rules_for(vector).services for port in service.ports]
    lacking = {
        "internal": sorted({str(p.name.service) for p in ports if p.lacks_internal_local}),
        "external": sorted({str(p.name.service) for p in ports if p.lacks_external_local}),
    }
    assert lacking == vector.expect.get("no_local_endpoints", {"internal": [], "external": []})


@every_vector
def test_text_for_ipvsadm_is_what_it_would_save(vector: Vector) -> None:
    if "ipvsadm_save" in vector.expect:
        text = encode_servers(ipvs_for(vector).virtual_servers)
        assert text.splitlines() == vector.expect["ipvsadm_save"]


@every_vector
def test_iptables_rules_stand_in_their_order(vector: Vector) -> None:
    if "iptables" in vector.expect:
        rules = {
            netfilter.family: {"nat": nat_rules(netfilter), "filter": filter_rules(netfilter)}
            for netfilter in ipvs_for(vector).netfilters
        }
        assert rules == vector.expect["iptables"]


def spelt_servers(rules: IPVSRules) -> list[dict[str, Any]]:
    return [
        {
            "address": server.key.address,
            "port": server.key.port,
            "protocol": server.key.protocol,
            "scheduler": server.scheduler,
            "flags": list(server.flags),
            "timeout": server.persistence_s or 0,
            "real_servers": [
                {"address": address, "port": port, "weight": weight}
                for address, port, weight in server.real_servers
            ],
        }
        for server in rules.virtual_servers
    ]
