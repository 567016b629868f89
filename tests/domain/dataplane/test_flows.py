"""Flows that nobody serves any more: which ones, and which are left alone."""

import pytest

from app.domain.addresses import IPFamily
from app.domain.dataplane.flows import Flow, expected_destinations, is_stale
from app.domain.dataplane.rules import Destination, PortRules, ServiceRules
from app.domain.objects.service import ServicePortName
from tests.builders import a_destination, key

NODE = ("192.0.2.10",)
ONE, TWO, DRAINED = (
    a_destination("10.244.0.1", 5353),
    a_destination("10.244.0.2", 5353),
    a_destination("10.244.0.3", 5353, 0),
)


def dns(*cluster: Destination, protocol: str = "UDP") -> ServiceRules:
    port = PortRules(
        name=ServicePortName(key("dns"), "dns", protocol),
        family=IPFamily.IPV4,
        port=53,
        cluster_ip="10.96.0.10",
        external_ips=("203.0.113.1",),
        node_port=30_053,
        cluster=cluster,
    )
    return ServiceRules(service=key("dns"), ports=(port,))


def flow(endpoint: str, *, to: tuple[str, int] = ("10.96.0.10", 53)) -> Flow:
    return Flow("UDP", *to, endpoint, 5353)


@pytest.mark.parametrize("place", [("10.96.0.10", 53), ("203.0.113.1", 53), ("192.0.2.10", 30_053)])
def test_a_flow_to_an_endpoint_that_went_is_stale_and_others_are_not(
    place: tuple[str, int],
) -> None:
    expected = expected_destinations([(dns(ONE, TWO), dns(TWO, DRAINED))])
    assert is_stale(flow(ONE[0], to=place), expected, NODE)
    assert not is_stale(flow(TWO[0], to=place), expected, NODE)
    assert not is_stale(flow(DRAINED[0], to=place), expected, NODE)


def test_flows_of_a_service_that_is_gone_are_stale() -> None:
    expected = expected_destinations([(dns(ONE), None)])
    assert is_stale(flow(ONE[0]), expected, NODE)


def test_only_places_where_the_service_is_reached_are_looked_at() -> None:
    alone = dns(ONE).ports[0]._replace(cluster_ip=None, external_ips=(), node_port=0)
    balanced = alone._replace(load_balancer_ips=("203.0.113.9",))
    for port, places in ((alone, set[str]()), (balanced, {"203.0.113.9"})):
        expected = expected_destinations([(ServiceRules(key("dns"), ports=(port,)), None)])
        assert {address for _, address, _ in expected} == places


def test_a_flow_that_was_never_translated_is_stale_once_somebody_serves() -> None:
    expected = expected_destinations([(None, dns(ONE))])
    assert is_stale(Flow("UDP", "10.96.0.10", 53, "10.96.0.10", 53), expected, NODE)


def test_what_did_not_change_is_left_alone() -> None:
    expected = expected_destinations([(None, dns(ONE))])
    assert not is_stale(flow(TWO[0], to=("10.96.0.99", 53)), expected, NODE)
    assert not is_stale(flow(TWO[0], to=("198.51.100.1", 30_053)), expected, NODE)


def test_connections_end_by_themselves() -> None:
    assert expected_destinations([(dns(ONE, protocol="TCP"), None)]) == {}
