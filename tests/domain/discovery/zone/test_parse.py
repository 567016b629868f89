"""Parsing names of the zone and reverse names: the published cases, then the rest."""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.discovery.zone.config import is_reverse
from app.domain.discovery.zone.parse import (
    EndpointNode,
    Fixed,
    NamespaceNode,
    Node,
    PodNode,
    PortNode,
    ProtocolNode,
    ServiceNode,
    parse,
    parse_dashed,
    parse_reverse,
)
from app.domain.discovery.zone.service_records import label_of
from app.domain.names import NamespacedName, parse_domain
from app.domain.objects.endpoint_slice import Endpoint
from tests.dns_vectors import VECTORS

KEY = NamespacedName("shop", "web")

DIFFERS = {
    "parse/006": "a label cannot be empty",
    "parse/009": "zonal names are an option of CoreDNS alone",
    "parse/010": "zonal names are an option of CoreDNS alone",
    "parse/019": "a service label begins with an underscore (RFC 2782)",
    "parse/021": "zones over several clusters are an option of CoreDNS alone",
}

cases = [case for case in VECTORS["parse_vectors"] if case["id"] not in DIFFERS]


@pytest.mark.parametrize("case", cases, ids=[case["id"] for case in cases])
def test_names_are_parsed_as_published(case: Mapping[str, Any]) -> None:
    zone, name = parse_domain(case["zone"]), parse_domain(case["qname"])
    node = parse(name.relative_to(zone)) if name.is_under(zone) else None
    assert (node is not None) == case["ok"]
    if node is not None:
        assert fields_of(node).items() <= case["fields"].items()


def fields_of(node: Node) -> dict[str, str]:  # noqa: PLR0911  one line a node
    match node:
        case NamespaceNode():
            return {"namespace": node.namespace, "kind": "pod" if node.is_pod else "svc"}
        case PodNode():
            return {"service": node.label, "namespace": node.namespace, "kind": "pod"}
        case ProtocolNode():
            return {"endpoint": f"_{node.protocol}", "service": node.key.name, "kind": "svc"}
        case EndpointNode():
            return {"endpoint": node.label, "service": node.key.name, "kind": "svc"}
        case PortNode():
            return {"port": node.port, "protocol": node.protocol, "service": node.key.name}
        case ServiceNode():
            return {"port": "", "endpoint": "", "service": node.key.name, "kind": "svc"}
        case _:
            return {"service": "", "namespace": "", "kind": ""}


@pytest.mark.parametrize(
    ("labels", "node"),
    [
        ((), Fixed.APEX),
        (("dns",), Fixed.BRANCH),
        (("web", "shop", "svc"), ServiceNode(KEY)),
        (("_tcp", "web", "shop", "svc"), ProtocolNode(KEY, "tcp")),
        (("_http", "_tcp", "web", "shop", "svc"), PortNode(KEY, "http", "tcp")),
        (("_", "_tcp", "web", "shop", "svc"), PortNode(KEY, "", "tcp")),
        (("http", "_tcp", "web", "shop", "svc"), None),
        (("x", "10-1-2-3", "shop", "pod"), None),
        (("svc", "svc", "svc"), ServiceNode(NamespacedName("svc", "svc"))),
        (("com",), None),
    ],
)
def test_the_grammar_is_read_strictly(labels: tuple[str, ...], node: Node | None) -> None:
    assert parse(labels) == node


# Reverse names, and labels made of addresses.

addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))


@pytest.mark.parametrize("case", VECTORS["reverse_name_vectors"], ids=lambda case: case["id"])
def test_reverse_names_are_parsed_as_published(case: Mapping[str, Any]) -> None:
    name = parse_domain(case["name"])
    if "address" in case:
        place = parse_reverse(name)
        is_whole = isinstance(place, IPv4Address | IPv6Address)
        assert (str(place) if is_whole else None) == case["address"]
    else:
        assert is_reverse(name) == (case["reverse_family"] is not None)


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
