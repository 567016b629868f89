"""The rules of one node, from the whole state.

    Snapshot, Node, RulesConfig -> NodeView -> NodeRules

Everything is computed afresh: this is the plain form, and the oracle for the
incremental one (``rules_cache``).  Source: spec ipvs 1 to 3.
"""

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv6Address
from itertools import chain

from app.domain.addresses import Address, IPFamily, family_of, parse_address, parse_prefix
from app.domain.bounded import Bounded
from app.domain.dataplane.rules.conflicts import Claimed, claims_of, rivals
from app.domain.dataplane.rules.model import (
    ClaimRole,
    LocalDetection,
    LocalSource,
    NodeFamily,
    NodeRules,
    RulesConfig,
    ServiceRules,
)
from app.domain.dataplane.rules.service_addresses import reaches
from app.domain.dataplane.rules.service_facts import ServiceFacts, service_facts
from app.domain.dataplane.rules.service_ranges import service_ranges
from app.domain.dataplane.rules.service_rules import NodeView, service_rules
from app.domain.names import NamespacedName
from app.domain.objects.node import IP_ADDRESS_TYPES, Node
from app.domain.objects.service import ServicePortName
from app.domain.snapshot import Snapshot

NODES_REMEMBERED_MAX = 8_192  # nodes of which something is remembered
PRIMARY = "primary"  # stands for the node's primary addresses among node-port addresses


def node_rules(snapshot: Snapshot, node: Node, config: RulesConfig) -> NodeRules:
    """Compute everything a node must do."""
    view = node_view(snapshot, node, config)
    found = (service_rules(facts_at(snapshot, key, config), view) for key in service_keys(snapshot))
    return assemble(found, view, config, snapshot)


def assemble(
    services: Iterable[ServiceRules], view: NodeView, config: RulesConfig, snapshot: Snapshot
) -> NodeRules:
    """Join the rules of Services, given in order of their keys; invisible ones fall out."""
    kept = tuple(rules for rules in services if rules.ports or rules.health_check)
    conflicts = set(chain.from_iterable(rules.conflicts for rules in kept))
    return NodeRules(
        node=view.name,
        is_eligible=view.is_eligible,
        revision=snapshot.revision,
        config=config,
        families=view.families,
        services=kept,
        service_cidrs=service_ranges(snapshot),
        conflicts=tuple(
            sorted(conflicts, key=lambda c: (c.address, c.port, c.protocol, c.winner, c.loser))
        ),
        notices=tuple(chain.from_iterable(rules.notices for rules in kept)),
    )


def service_keys(snapshot: Snapshot) -> list[NamespacedName]:
    """List the keys of all Services in order."""
    return sorted(snapshot.services, key=lambda key: (key.namespace, key.name))


def facts_at(snapshot: Snapshot, key: NamespacedName, config: RulesConfig) -> ServiceFacts:
    """Work out what all nodes share of one Service of a snapshot."""
    service = snapshot.services[key]
    reached = reaches(service)
    return service_facts(
        service,
        snapshot.slices_of(key),
        reached,
        others=rivals(snapshot, service, reached),
        scheduler=config.scheduler,
    )


def node_view(snapshot: Snapshot, node: Node, config: RulesConfig) -> NodeView:
    """Reduce a node to what rules depend on, with the claims on its own addresses."""
    families = tuple(_node_family(node, family, config) for family in sorted(config.ip_families))
    return NodeView(
        name=node.metadata.name,
        zone=node.zone,
        is_eligible=node.is_eligible,
        families=families,
        taken=_taken(snapshot, families),
    )


class NodeViews:
    """Views of nodes, remembered for as long as a node and the claims on it stay the same."""

    def __init__(self, config: RulesConfig, *, views_max: int = NODES_REMEMBERED_MAX) -> None:
        """Remember the views of ``views_max`` nodes."""
        self._config = config
        self._views: Bounded[str, tuple[Node, NodeView]] = Bounded(views_max)

    def view(self, snapshot: Snapshot, node: Node) -> NodeView:
        """Give ``node_view``; equal views of one node are mostly the same object."""
        known = self._views.get(node.metadata.name)
        if known is not None and known[0] is node:
            taken = _taken(snapshot, known[1].families)
            return known[1] if taken == known[1].taken else replace(known[1], taken=taken)
        view = node_view(snapshot, node, self._config)
        self._views[node.metadata.name] = (node, view)
        return view


def _node_family(node: Node, family: IPFamily, config: RulesConfig) -> NodeFamily:
    known = _addresses(node.ips, family)
    own = [a for a in known if not (isinstance(a, IPv6Address) and a.is_link_local)]
    primary = _primary(node, family)
    has_all, answering = _node_port_addresses(config, family, own, known, primary)
    return NodeFamily(
        family=family,
        addresses=tuple(str(address) for address in own),
        node_port_addresses=tuple(str(address) for address in answering),
        has_all_node_ports=has_all,
        primary_address=None if primary is None else str(primary),
        local_source=_local_source(node, family, config),
    )


def _addresses(texts: Iterable[str], family: IPFamily) -> list[Address]:
    """Read a node's addresses of one family; loopback is no place to be reached at."""
    found: set[Address] = set()
    for text in texts:
        address = parse_address(text)
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if address is None or address.is_loopback or family_of(address) is not family:
            continue
        found.add(address)
    return sorted(found, key=int)


def _primary(node: Node, family: IPFamily) -> Address | None:
    """Take the first internal address of the family, else the first external one."""
    for type_ in IP_ADDRESS_TYPES:
        for entry in node.addresses:
            address = parse_address(entry.address) if entry.type == type_ else None
            if address is not None and family_of(address) is family:
                return address
    return None


def _node_port_addresses(
    config: RulesConfig,
    family: IPFamily,
    own: list[Address],
    known: list[Address],
    primary: Address | None,
) -> tuple[bool, list[Address]]:
    wanted = [text.strip() for text in config.node_port_addresses]
    prefixes = [p for text in wanted if (p := parse_prefix(text)) and family_of(p) is family]
    if any(prefix.prefixlen == 0 for prefix in prefixes):
        return True, own
    if not prefixes and PRIMARY not in wanted:
        # Prefixes of the other family only restrict that one (spec ipvs 3).
        return True, own
    chosen = [address for address in known if any(address in prefix for prefix in prefixes)]
    if PRIMARY in wanted and primary is not None and primary not in chosen:
        chosen.append(primary)
    return False, sorted(chosen, key=int)


def _local_source(node: Node, family: IPFamily, config: RulesConfig) -> LocalSource | None:
    match config.local_detection:
        case LocalDetection.BRIDGE_INTERFACE | LocalDetection.INTERFACE_NAME_PREFIX as detection:
            return LocalSource(detection, config.local_interface)
        case LocalDetection.CLUSTER_CIDR:
            texts = config.cluster_cidrs
        case LocalDetection.NODE_CIDR:
            texts = node.pod_cidrs
    prefixes = (parse_prefix(text.strip()) for text in texts)
    found = next((p for p in prefixes if p is not None and family_of(p) is family), None)
    return None if found is None else LocalSource(config.local_detection, str(found))


def _taken(snapshot: Snapshot, families: Iterable[NodeFamily]) -> dict[Claimed, ServicePortName]:
    """Find the Services that claim an address which the node itself has."""
    taken: dict[Claimed, ServicePortName] = {}
    for address in chain.from_iterable(family.addresses for family in families):
        claimants = {*snapshot.members("external", address), *snapshot.members("address", address)}
        for key in sorted(claimants):
            for claim in claims_of(snapshot.services[key]):
                if claim.claimed.address == address and claim.role is not ClaimRole.NODE_PORT:
                    taken.setdefault(claim.claimed, claim.name)
    return taken
