"""Topology hints: the zones and nodes whose traffic an endpoint should get.

    trafficDistribution:  Service, endpoint -> its own zone and node
    topology mode Auto:   all endpoints of a family, Nodes -> zones by their share of CPU

The first looks at one endpoint; the second at all of them, so that a change of
one may alter the hint of another.  Source: spec kubernetes-api 3.7; KEP-4444,
KEP-3015 and KEP-2433.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from math import ceil

from app.domain.copies import replace
from app.domain.objects.endpoint_slice import Endpoint, Hints
from app.domain.objects.node import CONTROL_PLANE_LABELS, Node
from app.domain.objects.service import Service, TrafficDistribution
from app.domain.registration.slices.endpoints import identity_of

OVERLOAD_MAX = Fraction(12, 10)  # traffic of one endpoint, relative to an equal share
ZONES_MIN = 2
CPU_QUANTITY_LENGTH_MAX = 32  # characters; "3920m" has five

_CPU_UNITS = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6}  # powers of ten

Shares = Mapping[str, Fraction]
"""Each zone's share of all CPU."""


@dataclass(frozen=True, slots=True)
class _Allocation:
    minimum: int
    wanted: Fraction


def hinted(service: Service, endpoint: Endpoint) -> Endpoint:
    """Set the hints of ``trafficDistribution``: the endpoint's own zone and node."""
    if service.traffic_distribution is None or endpoint.conditions.ready is not True:
        return endpoint  # spec 3.7: endpoints that are not ready have no hints
    zones = (endpoint.zone,) if endpoint.zone else ()
    nodes: tuple[str, ...] = ()
    if service.traffic_distribution == TrafficDistribution.PREFER_SAME_NODE and endpoint.node_name:
        nodes = (endpoint.node_name,)
    if not zones and not nodes:
        return endpoint
    return replace(endpoint, hints=Hints(for_zones=zones, for_nodes=nodes))


def balanced(endpoints: Iterable[Endpoint], shares: Shares) -> tuple[Endpoint, ...]:
    """Hint endpoints of one family to zones in proportion to ``shares``.

    Each starts with its own zone; some are lent to zones that have too few.  No
    endpoint gets a hint when a ready one has no zone, or when one would have to serve
    more than ``OVERLOAD_MAX`` allows.
    """
    kept = tuple(endpoints)
    ready = sorted((e for e in kept if e.conditions.ready), key=identity_of)
    allocations = _allocations(shares, len(ready))
    if not allocations or not all(endpoint.zone for endpoint in ready):
        return kept
    zone_of = {identity_of(endpoint): endpoint.zone for endpoint in ready}
    held = Counter(zone_of.values())
    loans = _loans(allocations, held)
    for endpoint in ready:
        borrowers = loans.get(endpoint.zone)
        if borrowers:
            zone_of[identity_of(endpoint)] = borrowers.pop(0)
    return tuple(
        replace(endpoint, hints=Hints(for_zones=(zone_of[identity_of(endpoint)],)))
        if endpoint.conditions.ready
        else endpoint
        for endpoint in kept
    )


def cpu_shares(nodes: Iterable[Node]) -> Shares:
    """Compute each zone's share of all CPU, over the ready Nodes outside the control plane.

    Empty when one of these has no zone or no CPU, or when there is only one zone.
    """
    cpu_by_zone: dict[str, Decimal] = {}
    for node in nodes:
        if not _counts(node):
            continue
        cpu = _cpus(node.allocatable.get("cpu", ""))
        if not node.zone or cpu <= 0:
            return {}
        cpu_by_zone[node.zone] = cpu_by_zone.get(node.zone, Decimal(0)) + cpu
    if len(cpu_by_zone) < ZONES_MIN:
        return {}
    total = Fraction(sum(cpu_by_zone.values()))
    return {zone: Fraction(cpu) / total for zone, cpu in sorted(cpu_by_zone.items())}


def capacity_of(node: Node) -> tuple[object, ...]:
    """Give everything about a Node that shares depend on."""
    return node.zone, _counts(node), node.allocatable.get("cpu", "")


def _counts(node: Node) -> bool:
    return node.is_ready and not any(key in node.metadata.labels for key in CONTROL_PLANE_LABELS)


def _cpus(quantity: str) -> Decimal:
    number = quantity.rstrip("numkM")
    exponent = _CPU_UNITS.get(quantity[len(number) :])
    if exponent is None or len(quantity) > CPU_QUANTITY_LENGTH_MAX:
        return Decimal(0)
    try:
        cpus = Decimal(number).scaleb(exponent)
    except InvalidOperation:
        return Decimal(0)
    return cpus if cpus.is_finite() else Decimal(0)


def _allocations(shares: Shares, ready: int) -> Mapping[str, _Allocation]:
    if not shares or len(shares) > ready:
        return {}
    allocations = {
        zone: _Allocation(minimum, max(share * ready, Fraction(minimum)))
        for zone, share in shares.items()
        for minimum in [ceil(share * ready / OVERLOAD_MAX)]
    }
    needed = sum(allocation.minimum for allocation in allocations.values())
    return allocations if needed <= ready else {}


def _loans(allocations: Mapping[str, _Allocation], held: Mapping[str, int]) -> dict[str, list[str]]:
    """Pair zones with too many endpoints and zones with too few, the largest deficit first."""
    surplus = {zone: held.get(zone, 0) - a.wanted for zone, a in allocations.items()}
    loans: dict[str, list[str]] = {}
    while True:
        lender = max(surplus, key=lambda zone: (surplus[zone], zone))
        borrower = min(surplus, key=lambda zone: (surplus[zone], zone))
        # A deficit below one endpoint is ignored.  A lender never falls below its minimum,
        # since ``wanted`` is never less than that.
        if surplus[lender] <= 0 or surplus[borrower] > -1:
            return loans
        loans.setdefault(lender, []).append(borrower)
        surplus[lender] -= 1
        surplus[borrower] += 1
