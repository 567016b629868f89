"""The state that figures are taken at, as manifests: Services with ready Pods behind each.

    Size -> bodies of POST /apply, names, questions

Nothing here is written into tables: everything goes in through the API, as users put it in.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

Wire = dict[str, Any]

DOMAIN = "cluster.local"
NAMESPACES, NODES, ZONES = 100, 100, 3
OBJECTS_MAX = 10_000  # of one body, as the server has it by default
FIRST_POD = int(IPv4Address("172.16.0.1"))
FIRST_NODE = int(IPv4Address("192.168.0.1"))


@dataclass(frozen=True, slots=True)
class Size:
    """How many Services there are, and how many Pods behind each."""

    services: int
    pods_each: int = 10

    @property
    def pods(self) -> int:
        """All Pods."""
        return self.services * self.pods_each

    def __str__(self) -> str:
        return f"{self.services:,} Services, {self.pods:,} Pods"


def namespace_of(number: int) -> str:
    """Name the namespace of a Service, and of its Pods."""
    return f"team-{number % NAMESPACES}"


def name_of(number: int) -> str:
    """Name a Service within the cluster domain."""
    return f"service-{number}.{namespace_of(number)}.svc"


def service(number: int, *, prefix: str = "service") -> Wire:
    """Describe a Service with one named port."""
    name = f"{prefix}-{number}"
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace_of(number), "labels": {"app": name}},
        "spec": {
            "selector": {"app": name},
            "ports": [{"name": "http", "port": 80, "targetPort": 8080}],
        },
    }


def pod(number: int, size: Size) -> Wire:
    """Describe a ready Pod; Pods are numbered over all Services."""
    owner = number // size.pods_each
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": pod_name(number, size),
            "namespace": namespace_of(owner),
            "labels": {"app": f"service-{owner}"},
        },
        "spec": {"nodeName": f"node-{number % NODES}"},
        "status": {
            "phase": "Running",
            "podIPs": [{"ip": str(IPv4Address(FIRST_POD + number))}],
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def pod_name(number: int, size: Size) -> str:
    """Name a Pod after its Service and its place there."""
    return f"service-{number // size.pods_each}-{number % size.pods_each}"


def node(number: int) -> Wire:
    """Describe a node."""
    address = str(IPv4Address(FIRST_NODE + number))
    labels = {"topology.kubernetes.io/zone": f"zone-{number % ZONES}"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": f"node-{number}", "labels": labels},
        "status": {"addresses": [{"type": "InternalIP", "address": address}]},
    }


def everything(size: Size) -> Iterator[Wire]:
    """List the nodes, the Services and then the Pods."""
    yield from map(node, range(NODES))
    yield from map(service, range(size.services))
    for number in range(size.pods):
        yield pod(number, size)


def bodies(size: Size) -> Iterator[bytes]:
    """Write everything as Lists, each as long as one body may be."""
    items: list[Wire] = []
    for each in everything(size):
        items.append(each)
        if len(items) == OBJECTS_MAX:
            yield a_list(items)
            items = []
    if items:
        yield a_list(items)


def a_list(items: Iterable[Wire]) -> bytes:
    """Write objects as one List."""
    return as_json({"apiVersion": "v1", "kind": "List", "items": list(items)})


def as_json(document: Wire) -> bytes:
    """Write a document without spaces."""
    return json.dumps(document, separators=(",", ":")).encode()
