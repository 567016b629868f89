"""Datagram flows as nftables tables have them: the fronts that changed, and no others."""

import pytest

from app.domain.addresses import IPFamily
from app.domain.dataplane.nftables.state import Tables, tables_of
from app.domain.dataplane.nftables.table_flows import Expected, Flow, changed_destinations, is_stale
from app.domain.dataplane.rules.model import RulesConfig
from app.domain.dataplane.rules.node_rules import node_rules
from app.domain.names import Revision
from app.domain.objects.endpoint_slice import EndpointPort
from app.domain.objects.resource import Object
from app.domain.objects.service import ServicePort
from app.domain.snapshot import load
from tests.builders import a_node, a_service, an_endpoint, an_endpoint_slice

NODE = a_node("n1")
IPV4 = IPFamily.IPV4
CLUSTER, NODES = ("UDP", "10.96.0.20", 53), ("UDP", "", 30_053)
ONE, TWO = ("10.244.0.1", 5353), ("10.244.0.2", 5353)


def tables(*objects: Object, families: tuple[IPFamily, ...] = (IPV4,)) -> Tables:
    snapshot = load(objects, revision=Revision(1))
    return tables_of(node_rules(snapshot, NODE, RulesConfig(ip_families=families)))


def dns(*addresses: str, protocol: str = "UDP", affinity: str = "None") -> Tables:
    port = ServicePort(port=53, name="dns", protocol=protocol, node_port=30_053)
    service = a_service(type="NodePort", ports=(port,), session_affinity=affinity)
    slice_ = an_endpoint_slice(
        *(an_endpoint(address) for address in addresses),
        ports=(EndpointPort(port=5353, name="dns", protocol=protocol),),
    )
    return tables(service, slice_)


def test_an_endpoint_that_goes_changes_where_flows_of_every_front_may_end() -> None:
    expected = changed_destinations(dns(ONE[0], TWO[0]), dns(TWO[0]))
    assert expected == {IPV4: {CLUSTER: {TWO}, NODES: {TWO}}}


@pytest.mark.parametrize("affinity", ["None", "ClientIP"])
def test_clients_that_are_kept_to_an_endpoint_are_let_go_with_it(affinity: str) -> None:
    before = dns(ONE[0], TWO[0], affinity=affinity)
    after = dns(TWO[0], affinity=affinity)
    assert changed_destinations(before, after) == {IPV4: {CLUSTER: {TWO}, NODES: {TWO}}}


def test_the_way_in_which_an_endpoint_is_chosen_changes_nothing() -> None:
    sticky = dns(ONE[0], affinity="ClientIP")
    assert changed_destinations(dns(ONE[0]), sticky) == {}
    assert changed_destinations(sticky, dns(ONE[0])) == {}


def test_a_service_that_comes_or_goes_changes_its_fronts() -> None:
    assert changed_destinations(tables(), dns(ONE[0])) == {IPV4: {CLUSTER: {ONE}, NODES: {ONE}}}
    assert changed_destinations(dns(ONE[0]), tables()) == {
        IPV4: {CLUSTER: frozenset(), NODES: frozenset()}
    }


def test_a_family_that_comes_or_goes_does_so_with_its_fronts() -> None:
    assert changed_destinations({}, dns(ONE[0])) == {IPV4: {CLUSTER: {ONE}, NODES: {ONE}}}
    assert changed_destinations(dns(ONE[0]), {}) == {
        IPV4: {CLUSTER: frozenset(), NODES: frozenset()}
    }
    assert changed_destinations({}, tables()) == {}


def test_what_is_the_same_or_ends_by_itself_is_not_looked_at() -> None:
    held = dns(ONE[0])
    assert changed_destinations(held, held) == {}
    assert changed_destinations(held, dns(ONE[0])) == {}
    assert changed_destinations(dns(ONE[0], protocol="TCP"), dns(protocol="TCP")) == {}


def test_flows_to_what_is_gone_are_told_from_those_that_are_served() -> None:
    expected: Expected = changed_destinations(dns(ONE[0], TWO[0]), dns(TWO[0]))[IPV4]
    for address, port in (("10.96.0.20", 53), ("192.0.2.10", 30_053)):
        gone, kept = (Flow("UDP", address, port, *end) for end in (ONE, TWO))
        assert is_stale(gone, expected, ("192.0.2.10",))
        assert not is_stale(kept, expected, ("192.0.2.10",))


def test_a_flow_that_was_never_translated_is_stale_once_a_service_is_there() -> None:
    expected = changed_destinations(tables(), dns(ONE[0]))[IPV4]
    assert is_stale(Flow("UDP", "10.96.0.20", 53, "10.96.0.20", 53), expected, ("192.0.2.10",))


def test_flows_to_places_that_did_not_change_are_left_alone() -> None:
    expected = changed_destinations(tables(), dns(ONE[0]))[IPV4]
    for address, port in (("10.96.0.99", 53), ("198.51.100.1", 30_053)):
        assert not is_stale(Flow("UDP", address, port, *TWO), expected, ("192.0.2.10",))
