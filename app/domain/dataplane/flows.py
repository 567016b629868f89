"""Flows that connection tracking still sends where nobody serves any more.

    changes of Services -> Expected           where datagrams may end now
    Flow, Expected      -> is_stale

TCP ends by itself: the peer is gone, and a new connection is translated anew.  A
UDP flow lives as long as somebody sends, so it would follow the old translation
for ever.  How flows are listed and forgotten is the agent's affair.

Source: spec ipvs 6, "UDP conntrack".
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from app.domain.dataplane.rules import PortRules, ServiceRules
from app.domain.objects.service import Protocol

CONNECTIONLESS: Final = (Protocol.UDP, Protocol.SCTP)
ANY_NODE_ADDRESS: Final = ""


class Flow(NamedTuple):
    """A tracked flow: where its first packet was sent, and who is expected to answer."""

    protocol: str
    address: str
    port: int
    endpoint: str
    endpoint_port: int


Place = tuple[str, str, int]
"""Protocol, address and port that datagrams are sent to."""
Expected = Mapping[Place, Collection[tuple[str, int]]]
"""Endpoints that may answer, by place; none at places that are gone."""


def expected_destinations(
    changes: Iterable[tuple[ServiceRules | None, ServiceRules | None]],
) -> Expected:
    """Gather where flows of the changed Services may end, for all that they had or have.

    Places of Services that did not change are absent: their flows are left alone.
    """
    gone: set[Place] = set()
    expected: dict[Place, frozenset[tuple[str, int]]] = {}
    for before, after in changes:
        gone.update(place for place, _ in _places(before))
        for place, endpoints in _places(after):
            expected[place] = expected.get(place, frozenset()) | endpoints
    return {**dict.fromkeys(gone, frozenset[tuple[str, int]]()), **expected}


def is_stale(flow: Flow, expected: Expected, node_addresses: Collection[str]) -> bool:
    """Whether a flow leads to an endpoint that is not behind its address now."""
    endpoints = expected.get((flow.protocol, flow.address, flow.port))
    if endpoints is None and flow.address in node_addresses:
        endpoints = expected.get((flow.protocol, ANY_NODE_ADDRESS, flow.port))
    return endpoints is not None and (flow.endpoint, flow.endpoint_port) not in endpoints


def _places(service: ServiceRules | None) -> Iterator[tuple[Place, frozenset[tuple[str, int]]]]:
    for port in () if service is None else service.ports:
        if port.protocol not in CONNECTIONLESS:
            continue
        # Drained endpoints too: they take nothing new, and keep what they have.
        every = frozenset((at, number) for at, number, _ in (*port.cluster, *port.local))
        for place in _fronts(port):
            yield place, every


def _fronts(port: PortRules) -> Iterator[Place]:
    if port.cluster_ip is not None:
        yield port.protocol, port.cluster_ip, port.port
    for address in (*port.external_ips, *port.load_balancer_ips):
        yield port.protocol, address, port.port
    if port.node_port:
        yield port.protocol, ANY_NODE_ADDRESS, port.node_port
