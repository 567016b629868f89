"""A node, reduced to what rules depend on.

    Snapshot, Node, RulesConfig -> NodeFacts

Addresses, where node ports answer, how traffic of the node's own Pods is told from
other traffic, and which Services claim an address that the node itself has.  Services
are not known here beyond that.  Source: spec ipvs 3.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv6Address
from itertools import chain

from app.domain.addresses import Address, IPFamily, family_of, parse_address, parse_prefix
from app.domain.dataplane.rules.conflicts import Claimed, claims_of
from app.domain.dataplane.rules.model import (
    ClaimRole,
    LocalDetection,
    LocalSource,
    NodeFamily,
    RulesConfig,
)
from app.domain.objects.node import IP_ADDRESS_TYPES, Node
from app.domain.objects.service import ServicePortName
from app.domain.snapshot import Snapshot

PRIMARY = "primary"  # stands for the node's primary addresses among node-port addresses


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFacts:
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


def node_facts(snapshot: Snapshot, node: Node, config: RulesConfig) -> NodeFacts:
    """Reduce a node to what rules depend on, with the claims on its own addresses."""
    families = tuple(_node_family(node, family, config) for family in sorted(config.ip_families))
    return NodeFacts(
        name=node.metadata.name,
        zone=node.zone,
        is_eligible=node.is_eligible,
        families=families,
        taken=taken_addresses(snapshot, families),
    )


def taken_addresses(
    snapshot: Snapshot, families: Iterable[NodeFamily]
) -> dict[Claimed, ServicePortName]:
    """Find the Services that claim an address which the node itself has."""
    taken: dict[Claimed, ServicePortName] = {}
    for address in chain.from_iterable(family.addresses for family in families):
        claimants = {*snapshot.members("external", address), *snapshot.members("address", address)}
        for key in sorted(claimants):
            for claim in claims_of(snapshot.services[key]):
                if claim.claimed.address == address and claim.role is not ClaimRole.NODE_PORT:
                    taken.setdefault(claim.claimed, claim.name)
    return taken


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
