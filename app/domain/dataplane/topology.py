"""Which endpoints of a service port a node may use.

    slices, port -> Candidates                     (the same for every node)
    Candidates, where the node stands -> Selection (cluster, local, on this node)

Readiness, hints and the terminating fallback are decided here; what a policy
applies to, and which address gets which list, is not known.

Source: spec ipvs 2.1 and 2.2; KEP 1669 (terminating), KEPs 4444 and 3015 (hints).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Any, Final, NamedTuple

from app.domain.addresses import IPFamily, parse_address
from app.domain.dataplane.rules import Destination
from app.domain.objects.endpoint_slice import Endpoint, EndpointSlice, Hints

_ADDRESSES_REMEMBERED_MAX = 131_072

# Named tuples made without their own constructors: half the time, once for every endpoint.
# (typeshed leaves the element type of the bare constructor open)
_named: Any = tuple.__new__  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
_destination: Callable[[type[Destination], tuple[str, int, int]], Destination] = _named
_candidate: "Callable[[type[Candidate], tuple[object, ...]], Candidate]" = _named


class Candidate(NamedTuple):
    """One endpoint of one port; tuples of these sort by address and port."""

    order: int
    port: int
    place: int
    """Among all candidates of the port: no two are equal up to here."""
    destination: Destination
    endpoint: Endpoint

    @property
    def is_ready(self) -> bool:
        """Whether it takes traffic in the ordinary course of things."""
        return self.endpoint.conditions.ready is not False

    @property
    def is_leaving(self) -> bool:
        """Whether it is terminating but still serving: a fallback for when nothing is ready."""
        conditions = self.endpoint.conditions
        return conditions.is_terminating and conditions.is_serving

    @property
    def hints(self) -> Hints:
        """Where it had best be used from; empty when it does not say."""
        return self.endpoint.hints or NO_HINTS


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
NO_HINTS: Final = Hints()
NO_ADDRESS: Final = (-1, "")
_NONE: Final = frozenset[str]()
_NO_NAME: Final = frozenset({""})


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
                _add(entries, slice_.endpoints, port.port)
    return gather(entries) if entries else NO_CANDIDATES


def gather(entries: list[Candidate]) -> Candidates:
    """Sort candidates and find out what the choice among them depends on."""
    entries.sort()
    ready = [entry for entry in entries if entry.endpoint.conditions.ready is not False]
    is_hinted = bool(ready) and ready[0].endpoint.hints is not None
    return Candidates(
        entries=tuple(entries),
        ready=tuple([entry.destination for entry in ready]),
        nodes=frozenset([entry.endpoint.node_name for entry in entries]) - _NO_NAME,
        hinted_zones=_hinted([e.hints.for_zones for e in ready]) if is_hinted else _NONE,
        hinted_nodes=_hinted([e.hints.for_nodes for e in ready]) if is_hinted else _NONE,
        has_duplicates=len({entry[:2] for entry in entries}) < len(entries),
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
    cluster = _cluster(found, stand) if uses_cluster else ()
    has_any = bool(cluster)
    if uses_local and not has_any:
        has_any = any(entry.is_ready or entry.is_leaving for entry in found.entries)
    if stand.node not in found.nodes:
        return Selection(cluster=cluster, has_any=has_any)
    on_node = [entry for entry in found.entries if entry.endpoint.node_name == stand.node]
    return Selection(
        cluster=cluster,
        local=_ready_or_leaving(on_node) if uses_local else (),
        has_any=has_any,
        on_node=tuple([entry.destination for entry in on_node]),
        ready_on_node=frozenset([e.destination.address for e in on_node if e.is_ready]),
    )


def _cluster(found: Candidates, stand: Standpoint) -> tuple[Destination, ...]:
    ready = (entry for entry in found.entries if entry.is_ready)
    if stand.node in found.hinted_nodes:
        return tuple([e.destination for e in ready if stand.node in e.hints.for_nodes])
    if stand.zone in found.hinted_zones:
        return tuple([e.destination for e in ready if stand.zone in e.hints.for_zones])
    return found.ready or _ready_or_leaving(found.entries)


def _ready_or_leaving(entries: Iterable[Candidate]) -> tuple[Destination, ...]:
    ready = tuple([entry.destination for entry in entries if entry.is_ready])
    return ready or tuple([entry.destination for entry in entries if entry.is_leaving])


def _hinted(hints: list[tuple[str, ...]]) -> frozenset[str]:
    """Join the hints of ready endpoints; one without a hint turns all of them off."""
    return frozenset(n for names in hints for n in names if n) if all(hints) else _NONE


def _without_duplicates(found: Candidates, node: str) -> Candidates:
    """Keep one copy of each address and port: a local one, else a ready one, else the first."""
    kept = [
        max(copies, key=lambda entry: (entry.endpoint.node_name == node != "", entry.is_ready))
        for _, copies in groupby(found.entries, key=lambda entry: entry[:2])
    ]
    return gather(kept)


def _add(entries: list[Candidate], endpoints: Iterable[Endpoint], port: int) -> None:
    place = len(entries)
    for endpoint in endpoints:
        # Only the first address counts (spec ipvs 2.1).
        order, address = ordered(endpoint.addresses[0]) if endpoint.addresses else NO_ADDRESS
        if order >= 0:
            weight = endpoint.weight
            destination = _destination(
                Destination, (address, port, 1 if weight is None else weight)
            )
            entries.append(_candidate(Candidate, (order, port, place, destination, endpoint)))
            place += 1


@lru_cache(maxsize=_ADDRESSES_REMEMBERED_MAX)
def ordered(text: str) -> tuple[int, str]:
    """Give an address as a number to sort by and in canonical spelling, or NO_ADDRESS."""
    try:
        # Four canonical octets are nearly all there is, and this reads them five times as fast.
        first, second, third, fourth = octets = bytes(map(int, text.split(".")))
        if f"{first}.{second}.{third}.{fourth}" == text:
            return int.from_bytes(octets), text
    except ValueError:
        pass
    address = parse_address(text)
    return NO_ADDRESS if address is None else (int(address), str(address))
