"""Which endpoints of a service port a node may use.

    slices, port -> Candidates                 (the same for every node)
    Candidates, node, zone -> Selection        (cluster, local, on this node)

Readiness, hints and the terminating fallback are decided here; what a policy
applies to, and which address gets which list, is not known.

Source: spec ipvs 2.1 and 2.2; KEP 1669 (terminating), KEPs 4444 and 3015 (hints).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, groupby, repeat
from operator import lt
from typing import Final, NamedTuple

from app.domain.addresses import IPFamily
from app.domain.dataplane.rules.address_numbers import dotted_numbers, ordered
from app.domain.dataplane.rules.model import DESTINATION_WEIGHT_DEFAULT, Destination
from app.domain.objects.endpoint_slice import Endpoint, EndpointSlice, Hints

NO_HINTS: Final = Hints()
# A node's rules hold every endpoint of the cluster: twice as fast as calling the class.
_destination: Callable[[tuple[str, int, int]], Destination] = partial(
    tuple.__new__,  # pyright: ignore[reportUnknownMemberType]  of a tuple of anything
    Destination,
)
_NONE: Final = frozenset[str]()


Candidate = tuple[Destination, Endpoint]
"""An endpoint of a service port, and where connections to it end."""


class Candidates(NamedTuple):
    """The endpoints of one port in one family, sorted by address and port.

    Where connections end, and the endpoint there, are two tuples of equal length: pairs of every
    endpoint of the cluster would cost as much again, and most nodes need none.
    """

    destinations: tuple[Destination, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    has_copies: bool = False
    """Whether several nodes have an equal claim to an address and port: each believes its own."""

    @property
    def each(self) -> Iterator[Candidate]:
        """Give each destination with its endpoint."""
        return zip(self.destinations, self.endpoints, strict=True)


_Listed = tuple[list[int], tuple[Destination, ...], tuple[Endpoint, ...]]
"""The endpoints of a slice in their order: numbers to sort by, destinations, and they."""


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
    listed = [
        _listed(slice_.endpoints, port.port)
        for slice_ in slices
        if slice_.address_type == family
        for port in slice_.ports
        if port.name == port_name and port.protocol == protocol and port.port
    ]
    if not listed:
        return Candidates()
    numbers, destinations, endpoints = listed[0] if len(listed) == 1 else _joined(listed)
    if all(map(lt, numbers, numbers[1:])):
        return Candidates(destinations, endpoints)
    order = sorted(range(len(numbers)), key=lambda at: (numbers[at], destinations[at].port))
    found = [(destinations[at], endpoints[at]) for at in order]
    count = len({destination.address_and_port for destination in destinations})
    if count < len(found):
        found = _contenders(found)
    destinations, endpoints = zip(*found, strict=True)
    return Candidates(destinations, endpoints, has_copies=count < len(found))


def select(
    found: Candidates, node: str, zone: str, *, uses_cluster: bool, uses_local: bool
) -> Selection:
    """Choose for one node; the lists a policy does not use stay empty.

    A ready endpoint goes before one that is terminating, in each list for
    itself.  Hints narrow the cluster list only.
    """
    counting = _one_copy_each(found, node)
    cluster = _hinted_or_all(counting, node, zone) if uses_cluster else ()
    on_node = [each for each in counting if each[1].node_name == node != ""]
    return Selection(
        cluster=cluster,
        local=_ready_or_leaving(on_node) if uses_local else (),
        has_any=bool(cluster or (uses_local and _ready_or_leaving(counting))),
        on_node=tuple([to for to, _ in on_node]),
        ready_on_node=frozenset([to.address for to, endpoint in on_node if is_ready(endpoint)]),
    )


def hinted(names: Iterable[tuple[str, ...]]) -> frozenset[str]:
    """Join the hints of ready endpoints; one without a hint turns all of them off."""
    listed = list(names)
    return frozenset(name for each in listed for name in each if name) if all(listed) else _NONE


def is_ready(endpoint: Endpoint) -> bool:
    """Whether it takes traffic in the ordinary course of things."""
    return endpoint.conditions.ready is not False


def hints_of(endpoint: Endpoint) -> Hints:
    """Give the nodes and zones that an endpoint is meant for."""
    return endpoint.hints or NO_HINTS


def _hinted_or_all(counting: Iterable[Candidate], node: str, zone: str) -> tuple[Destination, ...]:
    ready = [(to, hints_of(endpoint)) for to, endpoint in counting if is_ready(endpoint)]
    if node in hinted(hints.for_nodes for _, hints in ready):
        return tuple([to for to, hints in ready if node in hints.for_nodes])
    if zone in hinted(hints.for_zones for _, hints in ready):
        return tuple([to for to, hints in ready if zone in hints.for_zones])
    return _ready_or_leaving(counting)


def _ready_or_leaving(found: Iterable[Candidate]) -> tuple[Destination, ...]:
    listed = list(found)
    ready = tuple([to for to, endpoint in listed if is_ready(endpoint)])
    return ready or tuple([to for to, endpoint in listed if _is_leaving(endpoint)])


def _is_leaving(endpoint: Endpoint) -> bool:
    """Whether it is terminating but still serving: a fallback for when nothing is ready."""
    return endpoint.conditions.is_terminating and endpoint.conditions.is_serving


def _contenders(found: Iterable[Candidate]) -> list[Candidate]:
    """Leave out the copies of an address and port that count on no node.

    A copy that is not terminating counts before one that is, wherever they run: the address is
    used again before its old Pod is gone (spec ipvs 2.1).  Then a ready one counts.  Among equals
    each node believes its own, else the slice with the least name: one copy a node is kept.
    """
    kept: list[Candidate] = []
    for _, group in groupby(found, key=_address_and_port):
        copies = list(group)
        best = min([_rank(copy) for copy in copies])
        by_node: dict[str, Candidate] = {}
        for copy in copies:
            if _rank(copy) == best:
                by_node.setdefault(copy[1].node_name, copy)
        kept += by_node.values()
    return kept


def _one_copy_each(found: Candidates, node: str) -> list[Candidate]:
    """Keep one of equal copies: that of the node, else that of the slice with the least name."""
    kept: list[Candidate] = []
    for _, group in groupby(found.each, key=_address_and_port):
        copies = list(group)
        own = [copy for copy in copies if copy[1].node_name == node != ""]
        kept.append((own or copies)[0])
    return kept


def _address_and_port(candidate: Candidate) -> tuple[str, int]:
    return candidate[0].address_and_port


def _rank(candidate: Candidate) -> tuple[bool, bool]:
    """Order copies of an address and port, the one that counts first."""
    return candidate[1].conditions.is_terminating, not is_ready(candidate[1])


def _listed(endpoints: Sequence[Endpoint], port: int) -> _Listed:
    # Only the first address counts (spec ipvs 2.1).
    addresses = [each.addresses[0] if each.addresses else "" for each in endpoints]
    numbers = dotted_numbers(addresses)
    if numbers is None:
        spelt = [ordered(address) for address in addresses]
        endpoints = [each for each, (n, _) in zip(endpoints, spelt, strict=True) if n >= 0]
        numbers = [number for number, _ in spelt if number >= 0]
        addresses = [address for number, address in spelt if number >= 0]
    default = DESTINATION_WEIGHT_DEFAULT
    weights = [default if each.weight is None else each.weight for each in endpoints]
    destinations = tuple(map(_destination, zip(addresses, repeat(port), weights, strict=False)))
    return numbers, destinations, tuple(endpoints)


def _joined(listed: Iterable[_Listed]) -> _Listed:
    numbers, destinations, endpoints = zip(*listed, strict=True)
    return (
        [*chain.from_iterable(numbers)],
        (*chain.from_iterable(destinations),),
        (*chain.from_iterable(endpoints),),
    )
