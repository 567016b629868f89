"""Parsing names of the zone: the published cases, then the rest of the grammar."""

from collections.abc import Mapping
from typing import Any

import pytest

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
)
from app.domain.names import NamespacedName, parse_domain
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
