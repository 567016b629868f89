"""What one node makes of a Service.

    ServiceFacts, NodeFacts -> a Selection each port -> ServiceRules

How many Services there are, and what changed since when, is not known here.
Source: spec ipvs 2.3 and 3.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from app.domain.addresses import IPFamily, parse_address
from app.domain.dataplane.rules.conflicts import Claimed, conflict
from app.domain.dataplane.rules.model import (
    ClaimRole,
    Conflict,
    HealthCheck,
    NodeFamily,
    PortRules,
    ServiceRules,
)
from app.domain.dataplane.rules.node_facts import NodeFacts
from app.domain.dataplane.rules.service_addresses import Reach
from app.domain.dataplane.rules.service_facts import PortFacts, ServiceFacts
from app.domain.dataplane.rules.topology import Selection, select
from app.domain.objects.service import ServicePortName

_Taken = Mapping[Claimed, tuple[ServicePortName, Conflict]]
_NOTHING_TAKEN: Final[_Taken] = {}


def service_rules(facts: ServiceFacts, node: NodeFacts) -> ServiceRules:
    """Make the rules of a Service for one node."""
    selections = [
        select(
            port.found,
            node.name,
            node.zone,
            uses_cluster=port.uses_cluster,
            uses_local=port.uses_local,
        )
        for port in facts.ports
    ]
    return rules_with(selections, facts, node)


def rules_with(
    selections: Iterable[Selection], facts: ServiceFacts, node: NodeFacts
) -> ServiceRules:
    """Make the rules of a Service from what was selected for each of its ports."""
    taken = dict(taken_node_ports(facts, node)) if node.taken else _NOTHING_TAKEN
    ports: list[PortRules] = []
    ready: dict[IPFamily, set[str]] = {}
    for port, chosen in zip(facts.ports, selections, strict=True):
        if (family := node.family(port.reach.family)) is None:
            continue
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
    taken: _Taken,
) -> PortRules:
    reach, settings = port.reach, port.settings
    node_port_addresses = family.node_port_addresses if port.node_port else ()
    if taken:
        node_port_addresses = tuple(
            address
            for address in node_port_addresses
            if Claimed(reach.family, address, port.node_port, port.name.protocol) not in taken
        )
    return PortRules(
        port.name,
        reach.family,
        port.port,
        port.cluster_ip,
        port.external_ips,
        port.load_balancer_ips,
        port.node_port,
        node_port_addresses,
        port.source_ranges,
        allows_node(reach, (family,)),
        settings.affinity_timeout_s,
        port.scheduler,
        settings.is_internal_local,
        settings.is_external_local,
        settings.health_check_node_port,
        chosen.cluster,
        chosen.local,
        chosen.has_any,
        chosen.on_node,
    )


def taken_node_ports(
    facts: ServiceFacts, node: NodeFacts
) -> Iterator[tuple[Claimed, tuple[ServicePortName, Conflict]]]:
    """Find node ports of a Service that another one has, as an address of its own, on this node."""
    for port in facts.ports:
        family = node.family(port.reach.family)
        for address in family.node_port_addresses if family and port.node_port else ():
            claimed = Claimed(port.reach.family, address, port.node_port, port.name.protocol)
            if (winner := node.taken.get(claimed)) is not None and winner != port.name:
                lost = conflict(claimed, ClaimRole.NODE_PORT, loser=port.name, winner=winner)
                yield claimed, (winner, lost)


def allows_node(reach: Reach, families: Iterable[NodeFamily]) -> bool:
    """Whether the source ranges of a Service hold the primary address of a node."""
    if not reach.source_ranges:
        return False
    primary = next((f.primary_address for f in families if f.family is reach.family), None)
    address = parse_address(primary) if primary else None
    return address is not None and any(address in prefix for prefix in reach.source_ranges)
