"""What one node makes of a Service.

    ServiceFacts, NodeView -> Sight          (nodes with equal sights share rules)
    ServiceFacts, NodeView -> ServiceRules

How many Services there are, and what changed since when, is not known here.
Source: spec ipvs 2.3 and 3.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from app.domain.addresses import IPFamily, parse_address
from app.domain.dataplane.rules.conflicts import Claimed
from app.domain.dataplane.rules.model import (
    ClaimRole,
    Conflict,
    HealthCheck,
    NodeFamily,
    PortRules,
    ServiceRules,
)
from app.domain.dataplane.rules.service_addresses import Reach
from app.domain.dataplane.rules.service_facts import PortFacts, ServiceFacts
from app.domain.dataplane.rules.topology import ANYWHERE, Selection, Standpoint, select, standpoint
from app.domain.objects.service import ServicePortName


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeView:
    """What of a node its rules depend on; ``taken`` are claims on its own addresses."""

    name: str
    zone: str
    families: tuple[NodeFamily, ...]
    taken: Mapping[Claimed, ServicePortName]
    is_eligible: bool = field(default=True, compare=False)
    """Whether load balancers may send it traffic: no rule depends on it."""

    def family(self, family: IPFamily) -> NodeFamily | None:
        """Give the facts of one family; None when the node does not serve it."""
        for facts in self.families:
            if facts.family is family:
                return facts
        return None


class Sight(NamedTuple):
    """All in which nodes may differ for one Service."""

    stand: Standpoint
    node_port_addresses: tuple[tuple[str, ...], ...] = ()
    own_addresses: tuple[str, ...] = ()
    """Those addresses of the Service that the node itself has."""
    allows_node: tuple[bool, ...] = ()
    taken: tuple[tuple[Claimed, ServicePortName], ...] = ()


Place = tuple[str, str]
"""What a node may be to a Service: its name, its zone, or whatever it is."""

ANY_PLACE: Final[Place] = ("", "")
ELSEWHERE: Final = Sight(ANYWHERE)
"""How a plain Service is seen by nodes that play no part in it."""
_NOTHING_TAKEN: Final[Mapping[Claimed, tuple[ServicePortName, Conflict]]] = {}


def sight(facts: ServiceFacts, view: NodeView) -> Sight:
    """Reduce a node to what this Service's rules depend on."""
    stand = standpoint([port.found for port in facts.ports], node=view.name, zone=view.zone)
    if facts.is_plain:
        return ELSEWHERE if stand is ANYWHERE else Sight(stand)
    own = {address for family in view.families for address in family.addresses}
    return Sight(
        stand,
        tuple(f.node_port_addresses for f in view.families) if facts.has_node_ports else (),
        tuple(address for address in facts.external_addresses if address in own),
        tuple(_allows_node(reach, view.families) for reach in facts.reaches),
        tuple((claimed, winner) for claimed, (winner, _) in _taken(facts, view)),
    )


def is_mostly_alike(facts: ServiceFacts) -> bool:
    """Whether most nodes see a Service alike."""
    return facts.is_plain and not any([port.found.has_duplicates for port in facts.ports])  # noqa: C419  half the time


def places_of(facts: ServiceFacts) -> Iterable[Place]:
    """List what makes a node see a Service otherwise than most."""
    if not is_mostly_alike(facts):
        return (ANY_PLACE,)
    found = [port.found for port in facts.ports]
    nodes = {("node", name) for each in found for name in (*each.nodes, *each.hinted_nodes)}
    return nodes | {("zone", name) for each in found for name in each.hinted_zones}


def places_at(view: NodeView) -> tuple[Place, ...]:
    """List the places that a node is at."""
    return ANY_PLACE, ("node", view.name), ("zone", view.zone)


def service_rules(
    facts: ServiceFacts, view: NodeView, stand: Standpoint | None = None
) -> ServiceRules:
    """Make the rules of a Service for one node; ``stand`` when its sight is known already."""
    if stand is None:
        stand = standpoint([port.found for port in facts.ports], node=view.name, zone=view.zone)
    taken = dict(_taken(facts, view)) if view.taken and facts.has_node_ports else _NOTHING_TAKEN
    plays_no_part = stand == ANYWHERE and facts.is_plain
    ports: list[PortRules] = []
    ready: dict[IPFamily, set[str]] = {}
    for port in facts.ports:
        if (family := view.family(port.reach.family)) is None:
            continue
        if plays_no_part:
            ports.append(port.elsewhere)
            continue
        chosen = select(
            port.found, stand, uses_cluster=port.uses_cluster, uses_local=port.uses_local
        )
        if chosen.ready_on_node:
            ready.setdefault(family.family, set()).update(chosen.ready_on_node)
        ports.append(_port_rules(port, family, chosen, taken))
    is_served = bool(ports)  # every family it is reached in has each of its ports
    conflicts = facts.conflicts
    return ServiceRules(
        facts.service,
        tuple(ports),
        HealthCheck(
            port=facts.health_check_node_port,
            local_endpoints=max((len(addresses) for addresses in ready.values()), default=0),
        )
        if facts.health_check_node_port and is_served
        else None,
        (*conflicts, *[conflict for _, conflict in taken.values()]) if taken else conflicts,
        facts.notices if is_served else (),
    )


def _port_rules(
    port: PortFacts,
    family: NodeFamily,
    chosen: Selection,
    taken: Mapping[Claimed, tuple[ServicePortName, Conflict]],
) -> PortRules:
    rules = port.elsewhere
    node_port_addresses = family.node_port_addresses if rules.node_port else ()
    if taken:
        node_port_addresses = tuple(
            address
            for address in node_port_addresses
            if Claimed(family.family, address, rules.node_port, rules.protocol) not in taken
        )
    return rules._replace(
        node_port_addresses=node_port_addresses,
        allows_node=_allows_node(port.reach, (family,)),
        cluster=chosen.cluster,
        local=chosen.local,
        has_any=chosen.has_any,
        on_node=chosen.on_node,
    )


def _taken(
    facts: ServiceFacts, view: NodeView
) -> Iterator[tuple[Claimed, tuple[ServicePortName, Conflict]]]:
    """Find node ports of a Service that another one has, as an address of its own, on this node."""
    if not view.taken or not facts.has_node_ports:
        return
    for port in facts.ports:
        family = view.family(port.reach.family)
        rules = port.elsewhere
        for address in family.node_port_addresses if family and rules.node_port else ():
            claimed = Claimed(rules.family, address, rules.node_port, rules.protocol)
            if (winner := view.taken.get(claimed)) is not None and winner != rules.name:
                yield claimed, (winner, _node_port_conflict(rules, claimed, winner))


def _node_port_conflict(rules: PortRules, claimed: Claimed, winner: ServicePortName) -> Conflict:
    return Conflict(
        address=claimed.address,
        port=claimed.port,
        protocol=claimed.protocol,
        winner=winner,
        loser=rules.name,
        role=ClaimRole.NODE_PORT,
    )


def _allows_node(reach: Reach, families: Iterable[NodeFamily]) -> bool:
    if not reach.source_ranges:
        return False
    primary = next((f.primary_address for f in families if f.family is reach.family), None)
    address = parse_address(primary) if primary else None
    return address is not None and any(address in prefix for prefix in reach.source_ranges)
