"""Which endpoints of a service port a node may use.

    slices, port -> Candidates                     (the same for every node)
    Candidates, where the node stands -> Selection (cluster, local, on this node)

Readiness, hints and the terminating fallback are decided here; what a policy
applies to, and which address gets which list, is not known.

Source: spec ipvs 2.1 and 2.2; KEP 1669 (terminating), KEPs 4444 and 3015 (hints).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Final, NamedTuple

from app.domain.addresses import IPFamily, parse_address
from app.domain.dataplane.rules import DESTINATION_WEIGHT_DEFAULT, Destination
from app.domain.objects.endpoint_slice import Endpoint, EndpointSlice

_ADDRESSES_REMEMBERED_MAX = 131_072


class Candidate(NamedTuple):
    """One endpoint of one port; tuples of these sort by address and port."""

    order: int
    port: int
    destination: Destination
    is_ready: bool
    is_leaving: bool
    """Terminating but still serving: a fallback for when nothing is ready."""
    node: str
    for_zones: tuple[str, ...]
    for_nodes: tuple[str, ...]

    @property
    def is_usable(self) -> bool:
        """Whether it could get traffic in any circumstances."""
        return self.is_ready or self.is_leaving


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """The endpoints of one port in one family, sorted, before any node looks at them."""

    entries: tuple[Candidate, ...] = ()
    ready: tuple[Destination, ...] = ()
    """The ready ones: what every node uses when hints are off."""
    nodes: frozenset[str] = frozenset()
    hinted_zones: frozenset[str] = frozenset()
    """Zones that get a subset of their own; empty when hints by zone are off."""
    hinted_nodes: frozenset[str] = frozenset()
    has_duplicates: bool = False
    """Whether an address and port comes more than once: which copy counts differs by node."""


NO_CANDIDATES: Final = Candidates()


class Standpoint(NamedTuple):
    """Where the choice is made: names of the node and its zone, empty when they play no part."""

    node: str = ""
    zone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What a node may use; every list is sorted by address and port."""

    cluster: tuple[Destination, ...] = ()
    local: tuple[Destination, ...] = ()
    has_any: bool = False
    on_node: tuple[Destination, ...] = ()
    """Endpoints of this node whatever their state."""
    ready_on_node: frozenset[str] = frozenset()
    """Addresses of the ready endpoints of this node."""


def candidates(
    slices: Iterable[EndpointSlice], family: IPFamily, port_name: str, protocol: str
) -> Candidates:
    """Collect the endpoints that slices list for a port, joined by name and protocol alone."""
    entries: list[Candidate] = []
    for slice_ in slices:
        if slice_.address_type != family:
            continue
        for port in slice_.ports:
            if port.name == port_name and port.protocol == protocol and port.port:
                entries += _of_slice(slice_.endpoints, port.port)
    return gather(entries) if entries else NO_CANDIDATES


def gather(entries: list[Candidate]) -> Candidates:
    """Sort candidates and find out what the choice among them depends on."""
    entries.sort()
    has_duplicates = len({entry[:2] for entry in entries}) < len(entries)
    ready = [entry for entry in entries if entry.is_ready]
    return Candidates(
        entries=tuple(entries),
        ready=tuple([entry.destination for entry in ready]),
        nodes=frozenset([entry.node for entry in entries if entry.node]),
        hinted_zones=_hinted([entry.for_zones for entry in ready]),
        hinted_nodes=_hinted([entry.for_nodes for entry in ready]),
        has_duplicates=has_duplicates,
    )


def standpoint(found: Iterable[Candidates], *, node: str, zone: str) -> Standpoint:
    """Reduce a node to what the choice depends on: nodes that agree here choose alike."""
    seen_node = seen_zone = False
    for each in found:
        # Which copy of a duplicate counts may change every other answer.
        seen_node |= each.has_duplicates or node in each.nodes or node in each.hinted_nodes
        seen_zone |= each.has_duplicates or zone in each.hinted_zones
    return Standpoint(node if seen_node else "", zone if seen_zone else "")


def select(
    found: Candidates, stand: Standpoint, *, uses_cluster: bool, uses_local: bool
) -> Selection:
    """Choose for one node; the lists a policy does not use stay empty.

    A ready endpoint goes before one that is terminating, in each list for
    itself.  Hints narrow the cluster list only.
    """
    if found.has_duplicates:
        found = _without_duplicates(found, stand.node)
    here = stand.node in found.nodes
    on_node = [entry for entry in found.entries if entry.node == stand.node] if here else []
    cluster = _cluster(found, stand) if uses_cluster else ()
    has_any = bool(cluster)
    if uses_local and not has_any:
        has_any = any(entry.is_usable for entry in found.entries)
    return Selection(
        cluster=cluster,
        local=_ready_or_leaving(on_node) if uses_local else (),
        has_any=has_any,
        on_node=tuple([entry.destination for entry in on_node]),
        ready_on_node=frozenset([e.destination.address for e in on_node if e.is_ready]),
    )


def _cluster(found: Candidates, stand: Standpoint) -> tuple[Destination, ...]:
    if stand.node in found.hinted_nodes:
        return tuple(
            [e.destination for e in found.entries if e.is_ready and stand.node in e.for_nodes]
        )
    if stand.zone in found.hinted_zones:
        return tuple(
            [e.destination for e in found.entries if e.is_ready and stand.zone in e.for_zones]
        )
    return found.ready or _ready_or_leaving(found.entries)


def _ready_or_leaving(entries: Iterable[Candidate]) -> tuple[Destination, ...]:
    ready = tuple([entry.destination for entry in entries if entry.is_ready])
    return ready or tuple([entry.destination for entry in entries if entry.is_leaving])


def _hinted(hints: list[tuple[str, ...]]) -> frozenset[str]:
    """Join the hints of ready endpoints; one without a hint turns all of them off."""
    if not all(hints):
        return frozenset()
    return frozenset(name for names in hints for name in names if name)


def _without_duplicates(found: Candidates, node: str) -> Candidates:
    """Keep one copy of each address and port: a local one, else a ready one, else any."""
    kept = [
        max(copies, key=lambda entry: (bool(node) and entry.node == node, entry.is_ready, entry))
        for _, copies in groupby(found.entries, key=lambda entry: entry[:2])
    ]
    return gather(kept)


def _of_slice(endpoints: tuple[Endpoint, ...], port: int) -> list[Candidate]:
    entries: list[Candidate] = []
    for endpoint in endpoints:
        # Only the first address counts (spec ipvs 2.1).
        order, address = ordered(endpoint.addresses[0]) if endpoint.addresses else (-1, "")
        if order < 0:
            continue
        conditions, hints, weight = endpoint.conditions, endpoint.hints, endpoint.weight
        is_ready = conditions.ready is not False
        entries.append(
            Candidate(
                order,
                port,
                Destination(
                    address, port, DESTINATION_WEIGHT_DEFAULT if weight is None else weight
                ),
                is_ready,
                conditions.is_serving and conditions.is_terminating,
                endpoint.node_name,
                hints.for_zones if hints is not None else (),
                hints.for_nodes if hints is not None else (),
            )
        )
    return entries


@lru_cache(maxsize=_ADDRESSES_REMEMBERED_MAX)
def ordered(text: str) -> tuple[int, str]:
    """Give an address as a number to sort by and in canonical spelling; -1 when it is none."""
    try:
        # Four canonical octets are nearly all there is, and this reads them five times as fast.
        first, second, third, fourth = octets = bytes(map(int, text.split(".")))
        if f"{first}.{second}.{third}.{fourth}" == text:
            return int.from_bytes(octets), text
    except ValueError:
        pass
    address = parse_address(text)
    return (-1, text) if address is None else (int(address), str(address))
