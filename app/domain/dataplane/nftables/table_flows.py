"""Flows that connection tracking still sends where nobody serves any more.

    Tables before, Tables after -> Expected of each family, for the destinations that changed
    Flow, Expected              -> is_stale

TCP ends by itself: the peer is gone, and a new connection is translated anew.  A
UDP flow lives as long as somebody sends, so it would follow the old translation
for ever.  How flows are listed and forgotten is the agent's affair.

An agent in nftables mode has tables only: an endpoint whose weight has become 0 cannot
be told from one that is gone, and its datagrams go elsewhere too.

Source: spec ipvs 6, "UDP conntrack".
"""

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from app.domain.addresses import IPFamily
from app.domain.dataplane.nftables.elements import ANY_ADDRESS
from app.domain.dataplane.nftables.state import Sets, Table, Tables
from app.domain.objects.service import Protocol

CONNECTIONLESS: Final = (Protocol.UDP, Protocol.SCTP)
ANY_NODE_ADDRESS: Final = ""
_ENDPOINT_SETS: Final = ("endpoints", "kept-endpoints")
_NONE: Final = frozenset[tuple[str, int]]()


class Flow(NamedTuple):
    """A tracked flow: where its first packet was sent, and who is expected to answer."""

    protocol: str
    address: str
    port: int
    endpoint: str
    endpoint_port: int


OriginalDestination = tuple[str, str, int]
"""Protocol, address and port that a client sends to, before its packets are translated."""
Expected = Mapping[OriginalDestination, Collection[tuple[str, int]]]
"""Endpoints that may answer, by original destination; none where nothing serves any more."""


def changed_destinations(before: Tables, after: Tables) -> Mapping[IPFamily, Expected]:
    """Gather where flows may end now, for every destination whose endpoints have changed."""
    found: dict[IPFamily, Expected] = {}
    for family in before.keys() | after.keys():
        changed: dict[OriginalDestination, Collection[tuple[str, int]]] = {}
        for protocol in CONNECTIONLESS:
            old, new = before.get(family), after.get(family)
            if _sets(old, protocol) is _sets(new, protocol):
                continue
            was, becomes = _endpoints(old, protocol, family), _endpoints(new, protocol, family)
            changed |= {
                destination: becomes.get(destination, _NONE)
                for destination in was.keys() | becomes.keys()
                if was.get(destination) != becomes.get(destination)
            }
        if changed:
            found[family] = changed
    return found


def is_stale(flow: Flow, expected: Expected, node_addresses: Collection[str]) -> bool:
    """Whether a flow leads to an endpoint that is not behind its address now."""
    endpoints = expected.get((flow.protocol, flow.address, flow.port))
    if endpoints is None and flow.address in node_addresses:
        endpoints = expected.get((flow.protocol, ANY_NODE_ADDRESS, flow.port))
    return endpoints is not None and (flow.endpoint, flow.endpoint_port) not in endpoints


def _sets(table: Table | None, protocol: str) -> object:
    """Give something that is the same object for as long as no endpoint changes."""
    if table is None:
        return None
    held = [table.sets.get(f"{name}-{protocol.lower()}") for name in _ENDPOINT_SETS]
    return held[0] if not held[1] else table


def _endpoints(
    table: Table | None, protocol: str, family: IPFamily
) -> dict[OriginalDestination, set[tuple[str, int]]]:
    found: dict[OriginalDestination, set[tuple[str, int]]] = {}
    sets: Sets = {} if table is None else table.sets
    for name in _ENDPOINT_SETS:
        for key, value in sets.get(f"{name}-{protocol.lower()}", {}).items():
            address, port, _ = key.split(" . ")
            endpoint, endpoint_port = value.split(" . ")
            sent_to = ANY_NODE_ADDRESS if address == ANY_ADDRESS[family] else address
            destination = (protocol, sent_to, int(port))
            found.setdefault(destination, set()).add((endpoint, int(endpoint_port)))
    return found
