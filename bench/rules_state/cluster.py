"""The state that rules are measured on: Services with a slice each, on many nodes.

Size -> View, as a serving process holds it        View -> its next revision
"""

import gc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from app.domain.changes import Change
from app.domain.names import NamespacedName, Revision
from app.domain.objects.endpoint_slice import (
    SERVICE_NAME_LABEL,
    Endpoint,
    EndpointConditions,
    EndpointPort,
    EndpointSlice,
)
from app.domain.objects.meta import ObjectMeta
from app.domain.objects.node import Node, NodeAddress
from app.domain.objects.resource import Object
from app.domain.objects.service import Service, ServicePort
from app.domain.snapshot import load
from app.registry.reads.view import View

READY = EndpointConditions(ready=True, serving=True, terminating=False)
NODE_PORTS = range(30_000, 32_768)
FIRST_ENDPOINT, FIRST_AFTER_ROLLING = 10 << 24 | 128 << 16, 10 << 24 | 192 << 16


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is."""

    services: int
    endpoints: int
    nodes: int

    def __str__(self) -> str:
        each = f"{self.endpoints} endpoints each"
        return f"{self.services:,} Services with {each}, {self.nodes:,} nodes"


def a_view(size: Size) -> View:
    """Hold the state as a serving process does."""
    view = View()
    snapshot = load(objects(size), revision=Revision(1))
    view.reset(snapshot, history=(), compacted=Revision(1))
    gc.collect()
    gc.freeze()
    return view


def add_endpoint(view: View, number: int) -> Revision:
    """Add an endpoint to a Service; give the revision before."""
    (before,) = view.snapshot.slices_of(key_of(number))
    more = Endpoint(
        addresses=(f"10.255.{len(before.endpoints) % 250}.{number % 250}",), conditions=READY
    )
    return _commit(view, [(before, replace(before, endpoints=(*before.endpoints, more)))])


def roll(view: View, numbers: range, size: Size) -> Revision:
    """Replace all endpoints of some Services by others on the next nodes, in one revision."""
    pairs: list[tuple[EndpointSlice, EndpointSlice]] = []
    for number in numbers:
        (before,) = view.snapshot.slices_of(key_of(number))
        others = endpoints(number, size, first=FIRST_AFTER_ROLLING, first_node=1)
        pairs.append((before, replace(before, endpoints=others)))
    return _commit(view, pairs)


def _commit(view: View, pairs: Sequence[tuple[EndpointSlice, EndpointSlice]]) -> Revision:
    since = view.snapshot.revision
    revision = Revision(since + 1)
    view.advance([Change(revision=revision, before=old, after=new) for old, new in pairs])
    return since


def objects(size: Size) -> Iterator[Object]:
    """Make the nodes, the Services and their slices."""
    yield from (a_node(number) for number in range(1, size.nodes + 1))
    for number in range(size.services):
        yield a_service(number)
        yield EndpointSlice(
            metadata=ObjectMeta(
                name=f"s{number}-a",
                namespace=f"ns{number % 50}",
                labels={SERVICE_NAME_LABEL: f"s{number}"},
            ),
            address_type="IPv4",
            ports=(EndpointPort(port=8080, name="http"),),
            endpoints=endpoints(number, size),
        )


def endpoints(
    number: int, size: Size, *, first: int = FIRST_ENDPOINT, first_node: int = 0
) -> tuple[Endpoint, ...]:
    """Make the endpoints of one Service, each on a node of its own."""
    return tuple(
        Endpoint(
            addresses=(address(first, number * size.endpoints + place),),
            conditions=READY,
            node_name=f"n{(number * 7 + place + first_node) % size.nodes + 1}",
        )
        for place in range(size.endpoints)
    )


def key_of(number: int) -> NamespacedName:
    """Name a Service."""
    return NamespacedName(f"ns{number % 50}", f"s{number}")


def a_service(number: int) -> Service:
    """Make one Service."""
    ip = address(10 << 24 | 96 << 16, number + 1)
    return Service(
        metadata=ObjectMeta(name=key_of(number).name, namespace=key_of(number).namespace),
        type="ClusterIP",
        ports=(ServicePort(port=80, name="http"),),
        cluster_ip=ip,
        cluster_ips=(ip,),
        ip_families=("IPv4",),
    )


def a_node(number: int) -> Node:
    """Make one node."""
    return Node(
        metadata=ObjectMeta(name=f"n{number}"),
        addresses=(NodeAddress(type="InternalIP", address=address(172 << 24, number)),),
    )


def address(base: int, offset: int) -> str:
    """Write an IPv4 address."""
    return ".".join(str(octet) for octet in (base + offset).to_bytes(4))
