"""The endpoints that a Service publishes, and their labels."""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

import pytest

from app.domain.addresses import parse_address
from app.domain.discovery.zone.service_records import label_of, published, published_at
from app.domain.names import NamespacedName, Revision
from app.domain.objects.endpoint_slice import Endpoint
from app.domain.objects.resource import Object
from app.domain.objects.service import ServiceType
from app.domain.snapshot import Snapshot, load
from tests.builders import a_service, an_endpoint, an_endpoint_slice, key
from tests.dns_vectors import VECTORS

ADDRESS = ip_address("10.244.0.1")
LEFT_OUT = {
    "epname/006": "endpoint_pod_names is an option of CoreDNS alone",
}
ALIAS = a_service("web", type=ServiceType.EXTERNAL_NAME, cluster_ip="", cluster_ips=())


def state(*objects: Object) -> Snapshot:
    return load(objects, revision=Revision(1))


def at(*objects: Object) -> tuple[tuple[NamespacedName, str], ...]:
    return published_at(state(*objects), ADDRESS)


def addresses(*endpoints: Endpoint, even_unready: bool = False) -> list[tuple[str, int]]:
    service = a_service(publish_not_ready_addresses=even_unready)
    snapshot = state(service, an_endpoint_slice(*endpoints))
    return [(str(entry.address), entry.weight) for entry in published(snapshot, service)]


def test_endpoints_are_published_if_ready_or_if_the_service_says_so() -> None:
    late = an_endpoint("10.244.0.2", ready=False)
    assert addresses(an_endpoint(), late) == [("10.244.0.1", 1)]
    assert addresses(late, even_unready=True) == [("10.244.0.2", 1)]


def test_only_invalid_addresses_are_omitted() -> None:
    endpoint = an_endpoint("10.244.0.300", "10.244.0.1", weight=3)
    assert addresses(endpoint) == [("10.244.0.1", 3)]


def test_every_service_that_publishes_an_address_is_found() -> None:
    slices = [
        an_endpoint_slice(an_endpoint(hostname=name), name=name, service=name)
        for name in ("web", "api")
    ]
    found = at(a_service("web"), a_service("api"), *slices)
    assert found == ((key("api"), "api"), (key("web"), "web"))


@pytest.mark.parametrize(
    "objects",
    [
        (an_endpoint_slice(an_endpoint(), service=""),),  # without a Service
        (an_endpoint_slice(an_endpoint()),),  # of a missing Service
        (ALIAS, an_endpoint_slice(an_endpoint())),  # of an alias, which publishes no endpoints
        (a_service(), an_endpoint_slice(an_endpoint(ready=False))),
        (a_service(), an_endpoint_slice(an_endpoint("10.244.0.2"))),
    ],
)
def test_an_unpublished_address_has_no_name(objects: tuple[Object, ...]) -> None:
    assert at(*objects) == ()


@pytest.mark.parametrize(
    ("address", "hostname", "label"),
    [
        ("10.244.0.1", "", "10-244-0-1"),
        ("10.244.0.1", "DB-0", "db-0"),
        ("2001:db8::1", "", "2001-db8--1"),
        ("2001:db8::", "", "2001-db8--0"),
    ],
)
def test_a_label_is_the_host_name_or_the_address_with_dashes(
    address: str, hostname: str, label: str
) -> None:
    endpoint = an_endpoint(address, hostname=hostname)
    assert label_of(endpoint, ip_address(address)) == label


@pytest.mark.parametrize("case", VECTORS["endpoint_name_vectors"], ids=lambda case: case["id"])
def test_endpoints_are_named_as_published(case: Mapping[str, Any]) -> None:
    address = parse_address(case["ip"])
    assert address is not None
    label = label_of(Endpoint(addresses=(case["ip"],), hostname=case["hostname"]), address)
    assert (label == case["name"]) != (case["id"] in LEFT_OUT)
