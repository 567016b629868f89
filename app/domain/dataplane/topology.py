"""Which endpoints of a service port a node may use.

    slices, port -> Candidates                     (the same for every node)
    Candidates, where the node stands -> Selection (cluster, local, on this node)

Readiness, hints and the terminating fallback are decided here; what a policy
applies to, and which address gets which list, is not known.

Source: spec ipvs 2.1 and 2.2; KEP 1669 (terminating), KEPs 4444 and 3015 (hints).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import groupby
from typing import Final, NamedTuple

from app.domain.addresses import IPFamily, parse_address
from app.domain.dataplane.rules import Destination
from app.domain.objects.endpoint_slice import Endpoint, EndpointSlice, Hints

_ADDRESSES_REMEMBERED_MAX = 65_536
_IPV4_OCTETS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """The endpoints of one port in one family, sorted, before any node looks at them.

    ``destinations`` and ``endpoints`` go together, place by place.
    """

    destinations: tuple[Destination, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    ready: tuple[Destination, ...] = ()
    """The ready ones: what every node uses when hints are off."""
    nodes: frozenset[str] = frozenset()
    hinted_zones: frozenset[str] = frozenset()
    """Zones that get a subset of their own; empty when hints by zone are off."""
    hinted_nodes: frozenset[str] = frozenset()
    has_duplicates: bool = False
    """Whether an address and port comes more than once: which copy counts differs by node."""

    @property
    def entries(self) -> Iterator["Entry"]:
        """Give each destination with its endpoint."""
        return zip(self.destinations, self.endpoints, strict=True)


Entry = tuple[Destination, Endpoint]
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
    rows: list[_Row] = []
    for slice_ in slices:
        if slice_.address_type != family:
            continue
        for port in slice_.ports:
            if port.name == port_name and port.protocol == protocol and port.port:
                _add(rows, slice_.endpoints, port.port)
    if not rows:
        return NO_CANDIDATES
    rows.sort()
    return gather([_destination(row[3]) for row in rows], [row[4] for row in rows])


def gather(destinations: Sequence[Destination], endpoints: Sequence[Endpoint]) -> Candidates:
    """Find out what the choice among sorted candidates depends on."""
    every = tuple(destinations)
    ready = [endpoint for endpoint in endpoints if endpoint.conditions.ready is not False]
    is_hinted = bool(ready) and ready[0].hints is not None
    return Candidates(
        destinations=every,
        endpoints=tuple(endpoints),
        ready=every
        if len(ready) == len(every)
        else tuple([d for d, e in zip(every, endpoints, strict=True) if _is_ready(e)]),
        nodes=frozenset([endpoint.node_name for endpoint in endpoints]) - _NO_NAME,
        hinted_zones=_hinted([_hints(e).for_zones for e in ready]) if is_hinted else _NONE,
        hinted_nodes=_hinted([_hints(e).for_nodes for e in ready]) if is_hinted else _NONE,
        has_duplicates=_has_duplicates(every),
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
        has_any = any(_is_ready(e) or _is_leaving(e) for e in found.endpoints)
    if stand.node not in found.nodes:
        return Selection(cluster=cluster, has_any=has_any)
    on_node = [entry for entry in found.entries if entry[1].node_name == stand.node]
    return Selection(
        cluster=cluster,
        local=_ready_or_leaving(on_node) if uses_local else (),
        has_any=has_any,
        on_node=tuple([destination for destination, _ in on_node]),
        ready_on_node=frozenset([d.address for d, endpoint in on_node if _is_ready(endpoint)]),
    )


def _cluster(found: Candidates, stand: Standpoint) -> tuple[Destination, ...]:
    ready = ((d, _hints(endpoint)) for d, endpoint in found.entries if _is_ready(endpoint))
    if stand.node in found.hinted_nodes:
        return tuple([destination for destination, h in ready if stand.node in h.for_nodes])
    if stand.zone in found.hinted_zones:
        return tuple([destination for destination, h in ready if stand.zone in h.for_zones])
    return found.ready or _ready_or_leaving(found.entries)


def _ready_or_leaving(entries: Iterable[Entry]) -> tuple[Destination, ...]:
    listed = list(entries)
    ready = tuple([destination for destination, e in listed if _is_ready(e)])
    return ready or tuple([destination for destination, e in listed if _is_leaving(e)])


def _is_ready(endpoint: Endpoint) -> bool:
    """Whether it takes traffic in the ordinary course of things."""
    return endpoint.conditions.ready is not False


def _is_leaving(endpoint: Endpoint) -> bool:
    """Whether it is terminating but still serving: a fallback for when nothing is ready."""
    return endpoint.conditions.is_terminating and endpoint.conditions.is_serving


def _hints(endpoint: Endpoint) -> Hints:
    return endpoint.hints or NO_HINTS


def _hinted(hints: list[tuple[str, ...]]) -> frozenset[str]:
    """Join the hints of ready endpoints; one without a hint turns all of them off."""
    return frozenset(n for names in hints for n in names if n) if all(hints) else _NONE


def _has_duplicates(destinations: Iterable[Destination]) -> bool:
    before_address, before_port = "", 0
    for address, port, _ in destinations:
        if address == before_address and port == before_port:
            return True
        before_address, before_port = address, port
    return False


def _without_duplicates(found: Candidates, node: str) -> Candidates:
    """Keep one copy of each address and port: a local one, else a ready one, else the first."""
    kept = [
        max(copies, key=lambda entry: (entry[1].node_name == node != "", _is_ready(entry[1])))
        for _, copies in groupby(found.entries, key=lambda entry: entry[0][:2])
    ]
    return gather([destination for destination, _ in kept], [endpoint for _, endpoint in kept])


_Row = tuple[str, int, int, tuple[str, int, int], Endpoint]
"""A sort key of an address, its port and a running number; then a destination's parts."""

_OCTETS = {str(octet): chr(octet) for octet in range(256)}
_destination: Callable[[tuple[str, int, int]], Destination] = partial(
    tuple.__new__,  # pyright: ignore[reportUnknownMemberType]  typeshed leaves it open
    Destination,
)
"""Make a destination of its parts; there are many, and this takes a third of the time."""


def _add(rows: list[_Row], endpoints: Iterable[Endpoint], port: int) -> None:
    for endpoint in endpoints:
        # Only the first address counts (spec ipvs 2.1).
        address = endpoint.addresses[0] if endpoint.addresses else ""
        try:
            # Four canonical octets are nearly all there is; one character for each sorts them.
            key = "".join([_OCTETS[octet] for octet in address.split(".")])
        except KeyError:
            key = ""
        if len(key) != _IPV4_OCTETS:
            parsed = parse_address(address)
            if parsed is None:
                continue
            key, address = parsed.packed.decode("latin-1"), str(parsed)
        weight = endpoint.weight
        parts = (address, port, 1 if weight is None else weight)
        rows.append((key, port, len(rows), parts, endpoint))


@lru_cache(maxsize=_ADDRESSES_REMEMBERED_MAX)
def ordered(text: str) -> tuple[int, str]:
    """Give an address as a number to sort by and in canonical spelling, or NO_ADDRESS."""
    address = parse_address(text)
    return NO_ADDRESS if address is None else (int(address), str(address))
