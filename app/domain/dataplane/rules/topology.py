"""Which endpoints of a service port a node may use.

    slices, port -> Candidates                     (the same for every node)
    Candidates, where the node stands -> Selection (cluster, local, on this node)

Readiness, hints and the terminating fallback are decided here; what a policy
applies to, and which address gets which list, is not known.

Source: spec ipvs 2.1 and 2.2; KEP 1669 (terminating), KEPs 4444 and 3015 (hints).
"""

from collections.abc import Iterable, Iterator
from itertools import chain, groupby, repeat
from operator import lt
from typing import Final, NamedTuple

from app.domain.addresses import IPFamily
from app.domain.dataplane.rules.address_numbers import NO_ADDRESS, dotted_numbers, ordered
from app.domain.dataplane.rules.model import DESTINATION_WEIGHT_DEFAULT, Destination
from app.domain.objects.endpoint_slice import Endpoint, EndpointSlice, Hints


class Candidates(NamedTuple):
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
    """Whether an address and port has copies of equal rank on several nodes: each node believes
    its own."""
    is_ordinary: bool = False
    """Whether all are ready, once each, of the same weight and without hints."""

    @property
    def entries(self) -> Iterator["Entry"]:
        """Give each destination with its endpoint."""
        return zip(self.destinations, self.endpoints, strict=True)


Entry = tuple[Destination, Endpoint]
NO_CANDIDATES: Final = Candidates()
NO_HINTS: Final = Hints()
_NONE: Final = frozenset[str]()
_NO_NAME: Final = frozenset({""})


class Standpoint(NamedTuple):
    """Where the choice is made: names of the node and its zone, empty when they play no part."""

    node: str = ""
    zone: str = ""


ANYWHERE: Final = Standpoint()


class Selection(NamedTuple):
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
    """Collect the endpoints that slices list for a port, joined by name and protocol alone.

    ``slices`` are in the order of their names, which decides between equal copies of an address.
    """
    lists = [
        _listed(slice_.endpoints, port.port)
        for slice_ in slices
        if slice_.address_type == family
        for port in slice_.ports
        if port.name == port_name and port.protocol == protocol and port.port
    ]
    if not lists:
        return NO_CANDIDATES
    numbers, destinations, endpoints, is_ordinary = lists[0] if len(lists) == 1 else _joined(lists)
    if all(map(lt, numbers, numbers[1:])):
        if is_ordinary and endpoints:
            nodes = _nodes(endpoints)
            return Candidates(destinations, endpoints, destinations, nodes, is_ordinary=True)
        return _gather(destinations, endpoints)
    places = sorted(range(len(numbers)), key=lambda at: (numbers[at], destinations[at][1]))
    destinations = tuple([destinations[at] for at in places])
    endpoints = tuple([endpoints[at] for at in places])
    count = len({(at, port) for at, port, _ in destinations})
    if count == len(destinations):
        return _gather(destinations, endpoints)
    destinations, endpoints = _contenders(zip(destinations, endpoints, strict=True))
    return _gather(destinations, endpoints, has_duplicates=count < len(destinations))


def _gather(
    destinations: tuple[Destination, ...],
    endpoints: tuple[Endpoint, ...],
    *,
    has_duplicates: bool = False,
) -> Candidates:
    """Find out what the choice among sorted candidates depends on."""
    ready = [endpoint for endpoint in endpoints if endpoint.conditions.ready is not False]
    is_hinted = bool(ready) and ready[0].hints is not None
    return Candidates(
        destinations,
        endpoints,
        destinations
        if len(ready) == len(endpoints)
        else tuple([d for d, e in zip(destinations, endpoints, strict=True) if _is_ready(e)]),
        _nodes(endpoints),
        _hinted([_hints(e).for_zones for e in ready]) if is_hinted else _NONE,
        _hinted([_hints(e).for_nodes for e in ready]) if is_hinted else _NONE,
        has_duplicates,
    )


def _nodes(endpoints: Iterable[Endpoint]) -> frozenset[str]:
    nodes = frozenset([endpoint.node_name for endpoint in endpoints])
    return nodes - _NO_NAME if "" in nodes else nodes


def standpoint(found: Iterable[Candidates], *, node: str, zone: str) -> Standpoint:
    """Reduce a node to what the choice depends on: nodes that agree here choose alike."""
    seen_node = seen_zone = False
    for each in found:
        # Which of equal copies a node believes may change every other answer.
        seen_node |= each.has_duplicates or node in each.nodes or node in each.hinted_nodes
        seen_zone |= each.has_duplicates or zone in each.hinted_zones
    if not seen_node and not seen_zone:
        return ANYWHERE
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
        return Selection(cluster, (), has_any)
    on_node = [entry for entry in found.entries if entry[1].node_name == stand.node]
    return Selection(
        cluster=cluster,
        local=_ready_or_leaving(on_node) if uses_local else (),
        has_any=has_any,
        on_node=tuple([destination for destination, _ in on_node]),
        ready_on_node=frozenset([at for (at, _, _), endpoint in on_node if _is_ready(endpoint)]),
    )


def _cluster(found: Candidates, stand: Standpoint) -> tuple[Destination, ...]:
    is_node_hinted = stand.node in found.hinted_nodes
    if not is_node_hinted and stand.zone not in found.hinted_zones:
        return found.ready or _ready_or_leaving(found.entries)
    ready = [(d, _hints(endpoint)) for d, endpoint in found.entries if _is_ready(endpoint)]
    if is_node_hinted:
        return tuple([destination for destination, h in ready if stand.node in h.for_nodes])
    return tuple([destination for destination, h in ready if stand.zone in h.for_zones])


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


def _contenders(
    entries: Iterable[Entry],
) -> tuple[tuple[Destination, ...], tuple[Endpoint, ...]]:
    """Leave out the copies of an address and port that count on no node.

    A copy that is not terminating counts before one that is, wherever they run: the address is
    used again before its old Pod is gone (spec ipvs 2.1).  Then a ready one counts.  Among equals
    each node believes its own, else the slice with the least name: one copy a node is kept.
    """
    kept: list[Entry] = []
    for _, group in groupby(entries, key=_place):
        copies = list(group)
        best = min([_rank(copy) for copy in copies])
        by_node: dict[str, Entry] = {}
        for copy in copies:
            if _rank(copy) == best:
                by_node.setdefault(copy[1].node_name, copy)
        kept += by_node.values()
    destinations, endpoints = zip(*kept, strict=True)
    return destinations, endpoints


def _without_duplicates(found: Candidates, node: str) -> Candidates:
    """Keep one of equal copies: that of the node, else that of the slice with the least name."""
    kept: list[Entry] = []
    for _, group in groupby(found.entries, key=_place):
        copies = list(group)
        own = [copy for copy in copies if copy[1].node_name == node != ""]
        kept.append((own or copies)[0])
    destinations, endpoints = zip(*kept, strict=True)
    return _gather(destinations, endpoints)


def _place(entry: Entry) -> tuple[str, int]:
    return entry[0][:2]


def _rank(entry: Entry) -> tuple[bool, bool]:
    """Order copies of an address and port, the one that counts first."""
    return entry[1].conditions.is_terminating, not _is_ready(entry[1])


class _Listed(NamedTuple):
    """What slices list for a port, in their order: three lists that go together.

    Where they are ordinary, all are ready, of the same weight and without hints.
    """

    numbers: list[int]
    destinations: tuple[Destination, ...]
    endpoints: tuple[Endpoint, ...]
    is_ordinary: bool


def _listed(endpoints: tuple[Endpoint, ...], port: int) -> _Listed:
    # Only the first address counts (spec ipvs 2.1).
    addresses = [endpoint.addresses[0] if endpoint.addresses else "" for endpoint in endpoints]
    numbers = dotted_numbers(addresses)
    if numbers is None:
        spelt = [ordered(address) for address in addresses]
        known = zip(endpoints, spelt, strict=True)
        endpoints = tuple([endpoint for endpoint, at in known if at != NO_ADDRESS])
        numbers = [number for number, _ in spelt if number >= 0]
        addresses = [address for number, address in spelt if number >= 0]
    weights: Iterable[int] = repeat(DESTINATION_WEIGHT_DEFAULT)
    is_ordinary = not [
        True
        for endpoint in endpoints
        if endpoint.weight is not None
        or endpoint.hints is not None
        or endpoint.conditions.ready is False
    ]
    if not is_ordinary:
        weights = [DESTINATION_WEIGHT_DEFAULT if e.weight is None else e.weight for e in endpoints]
    destinations = tuple(zip(addresses, repeat(port), weights, strict=False))
    return _Listed(numbers, destinations, endpoints, is_ordinary)


def _joined(lists: Iterable[_Listed]) -> _Listed:
    numbers, destinations, endpoints, are_ordinary = zip(*lists, strict=True)
    return _Listed(
        [*chain.from_iterable(numbers)],
        (*chain.from_iterable(destinations),),
        (*chain.from_iterable(endpoints),),
        all(are_ordinary),
    )
