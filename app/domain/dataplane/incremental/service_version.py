"""One Service at some revisions, what tells nodes apart for it, and its rules by that.

    ServiceFacts -> ServiceVersion                            (once for all nodes)
    ServiceVersion, NodeFacts -> NodeTraits                   (equal traits, equal rules)
    ServiceVersion, NodeTraits, NodeFacts -> ServiceRules

This is the fast path of ``rules.service_rules``, and what it skips is this: nothing is
selected among endpoints that are all ready, without hints, and there once; and a node
that has neither endpoints nor hints is not looked at beside others of that kind.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from app.domain.dataplane.rules.conflicts import Claimed
from app.domain.dataplane.rules.model import Destination, ServiceRules
from app.domain.dataplane.rules.node_facts import NodeFacts
from app.domain.dataplane.rules.service_facts import PortFacts, ServiceFacts
from app.domain.dataplane.rules.service_rules import allows_node, rules_with, taken_node_ports
from app.domain.dataplane.rules.topology import (
    Selection,
    hinted,
    hints_of,
    is_ready,
    select,
)
from app.domain.objects.endpoint_slice import Endpoint, EndpointSlice
from app.domain.objects.service import Service, ServicePortName


class NodeTraits(NamedTuple):
    """All of a node that the rules of one Service depend on."""

    node: str = ""
    """The node's name, if the Service has endpoints or hints there; the zone likewise."""
    zone: str = ""
    node_port_addresses: tuple[tuple[str, ...], ...] = ()
    own_addresses: tuple[str, ...] = ()
    """Those addresses of the Service that the node itself has."""
    allows_node: tuple[bool, ...] = ()
    taken: tuple[tuple[Claimed, ServicePortName], ...] = ()


ELSEWHERE: Final = NodeTraits()
"""Of a node without endpoints, for a Service that has cluster addresses only."""


@dataclass(slots=True, eq=False)
class ServiceVersion:
    """A Service with its slices and those that claim an address too, until one of them changes."""

    service: Service
    slices: tuple[EndpointSlice, ...]
    rivals: tuple[Service, ...]
    facts: ServiceFacts
    everything: tuple[tuple[Destination, ...] | None, ...]
    """Of each port, all destinations when nothing has to be selected among them."""
    nodes: AbstractSet[str]
    """Names of those with endpoints or hints."""
    zones: AbstractSet[str]
    has_copies: bool
    has_node_ports: bool
    external_addresses: tuple[str, ...]
    """What may be bound on a node, unless it is the node's own address."""
    is_plain: bool
    """Whether nothing differs between nodes but endpoints and hints."""
    made: dict[object, dict[NodeTraits, object]] = field(
        default_factory=dict[object, dict[NodeTraits, object]]
    )
    """What makers (``Shared``) made of it, forgotten together with it."""

    @property
    def is_mostly_alike(self) -> bool:
        """Whether its rules are the same on all nodes without endpoints or hints."""
        return self.is_plain and not self.has_copies

    def is_apart(self, node: NodeFacts) -> bool:
        """Whether its rules may be others on a node than on most nodes."""
        return node.name in self.nodes or node.zone in self.zones or not self.is_mostly_alike


def service_version(
    service: Service,
    slices: tuple[EndpointSlice, ...],
    rivals: tuple[Service, ...],
    facts: ServiceFacts,
) -> ServiceVersion:
    """Find out what tells nodes apart."""
    nodes: set[str] = set()
    zones: set[str] = set()
    has_copies = has_node_ports = False
    everything: list[tuple[Destination, ...] | None] = []
    for port in facts.ports:
        found = port.found
        endpoints = found.endpoints
        nodes.update([endpoint.node_name for endpoint in endpoints])
        if not found.has_copies and _are_ordinary(endpoints):
            everything.append(found.destinations)
        else:
            everything.append(None)
            hints = [hints_of(endpoint) for endpoint in endpoints if is_ready(endpoint)]
            nodes |= hinted(each.for_nodes for each in hints)
            zones |= hinted(each.for_zones for each in hints)
        has_copies |= found.has_copies
        has_node_ports |= port.node_port != 0
    nodes.discard("")
    addresses = _external_addresses(facts) if service.external_ips or service.ingress else ()
    return ServiceVersion(
        service,
        slices,
        rivals,
        facts,
        tuple(everything),
        nodes,
        zones,
        has_copies,
        has_node_ports,
        addresses,
        is_plain=not (has_node_ports or addresses or service.load_balancer_source_ranges),
    )


def traits_of(version: ServiceVersion, node: NodeFacts) -> NodeTraits:
    """Reduce a node to what the rules of a Service depend on."""
    name = node.name if version.has_copies or node.name in version.nodes else ""
    zone = node.zone if version.has_copies or node.zone in version.zones else ""
    if version.is_plain:
        return NodeTraits(name, zone) if name or zone else ELSEWHERE
    own = {address for family in node.families for address in family.addresses}
    facts = version.facts
    return NodeTraits(
        name,
        zone,
        tuple(f.node_port_addresses for f in node.families) if version.has_node_ports else (),
        tuple(address for address in version.external_addresses if address in own),
        tuple(allows_node(reach, node.families) for reach in facts.reaches),
        tuple((claimed, winner) for claimed, (winner, _) in taken_node_ports(facts, node)),
    )


def rules_for(version: ServiceVersion, traits: NodeTraits, node: NodeFacts) -> ServiceRules:
    """Make the rules of a Service for a node with these traits."""
    ports = zip(version.facts.ports, version.everything, strict=True)
    selections = [_selection(port, everything, traits) for port, everything in ports]
    return rules_with(selections, version.facts, node)


def _external_addresses(facts: ServiceFacts) -> tuple[str, ...]:
    return tuple(
        address
        for reach in facts.reaches
        for address in (*reach.external_ips, *reach.load_balancer_ips)
    )


def _are_ordinary(endpoints: Iterable[Endpoint]) -> bool:
    """Whether all are ready and without hints."""
    return not [
        True for each in endpoints if each.hints is not None or each.conditions.ready is False
    ]


def _selection(
    port: PortFacts, everything: tuple[Destination, ...] | None, traits: NodeTraits
) -> Selection:
    if everything is None:
        return select(
            port.found,
            traits.node,
            traits.zone,
            uses_cluster=port.uses_cluster,
            uses_local=port.uses_local,
        )
    cluster = everything if port.uses_cluster else ()
    if not traits.node:
        return Selection(cluster, has_any=bool(everything))
    on_node = tuple([d for d, endpoint in port.found.each if endpoint.node_name == traits.node])
    return Selection(
        cluster=cluster,
        local=on_node if port.uses_local else (),
        has_any=bool(everything),
        on_node=on_node,
        ready_on_node=frozenset([destination.address for destination in on_node]),
    )
