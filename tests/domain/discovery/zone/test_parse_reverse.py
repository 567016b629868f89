"""Reverse names and labels of endpoints: the published cases."""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.addresses import parse_address, parse_prefix
from app.domain.discovery.zone.config import is_reverse, reverse_zones
from app.domain.discovery.zone.parse import parse_dashed, parse_reverse
from app.domain.discovery.zone.service_records import label_of
from app.domain.names import parse_domain
from app.domain.objects.endpoint_slice import Endpoint
from tests.dns_vectors import VECTORS

addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))

LEFT_OUT = {
    "epname/006": "endpoint_pod_names is an option of CoreDNS alone",
}


@pytest.mark.parametrize("case", VECTORS["reverse_name_vectors"], ids=lambda case: case["id"])
def test_reverse_names_are_parsed_as_published(case: Mapping[str, Any]) -> None:
    name = parse_domain(case["name"])
    if "address" in case:
        place = parse_reverse(name)
        is_whole = isinstance(place, IPv4Address | IPv6Address)
        assert (str(place) if is_whole else None) == case["address"]
    else:
        assert is_reverse(name) == (case["reverse_family"] is not None)


@pytest.mark.parametrize("case", VECTORS["endpoint_name_vectors"], ids=lambda case: case["id"])
def test_endpoints_are_named_as_published(case: Mapping[str, Any]) -> None:
    address = parse_address(case["ip"])
    assert address is not None
    label = label_of(Endpoint(addresses=(case["ip"],), hostname=case["hostname"]), address)
    assert (label == case["name"]) != (case["id"] in LEFT_OUT)


@pytest.mark.parametrize(
    ("range_", "first", "count"),
    [
        ("10.96.0.0/12", "96.10.in-addr.arpa.", 16),
        ("10.96.0.0/16", "96.10.in-addr.arpa.", 1),
        ("10.0.0.0/8", "10.in-addr.arpa.", 1),
        ("10.96.0.0/22", "0.96.10.in-addr.arpa.", 4),
        ("fd00:10:96::/112", f"{'0.' * 16}6.9.0.0.0.1.0.0.0.0.d.f.ip6.arpa.", 1),
        ("fd00::/7", "c.f.ip6.arpa.", 2),
        ("::/0", "ip6.arpa.", 1),
    ],
)
def test_zones_cover_a_range_exactly(range_: str, first: str, count: int) -> None:
    prefix = parse_prefix(range_)
    assert prefix is not None
    zones = reverse_zones(prefix)
    assert len(zones) == count
    assert str(zones[0]) == first
    covered = [place for zone in zones if not isinstance(place := parse_reverse(zone), str)]
    assert sum(getattr(place, "num_addresses", 1) for place in covered) == prefix.num_addresses


def test_a_shortened_name_means_the_range_below_it() -> None:
    assert parse_reverse(parse_domain("96.10.in-addr.arpa")) == IPv4Network("10.96.0.0/16")
    assert parse_reverse(parse_domain("example.com")) is None


@given(addresses)
def test_an_address_is_read_back_from_its_reverse_name(
    address: IPv4Address | IPv6Address,
) -> None:
    assert parse_reverse(parse_domain(address.reverse_pointer.upper())) == address


@given(addresses)
def test_an_address_is_read_back_from_its_label(address: IPv4Address | IPv6Address) -> None:
    endpoint = Endpoint(addresses=(str(address),))
    assert parse_dashed(label_of(endpoint, address)) == ip_address(str(address))
