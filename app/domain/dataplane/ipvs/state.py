"""IPVS mode: the virtual servers of a node and all that belongs to them.

    ServiceRules, NodeView -> Fragment   (equal on nodes that see the Service alike)
    fragments, node        -> IPVSRules  (sorted: equal state gives an equal value)

How the kernel is told is ``ipvsadm``'s, ``ipsets``' and ``iptables``' concern.
Source: spec ipvs 2.3 to 4.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from typing import Final, NamedTuple, TypeVar

from app.domain.addresses import IPFamily
from app.domain.dataplane.ipvs.ipsets import (
    SETS_BY_KERNEL_NAME,
    Entry,
    IPSet,
    bound_addresses,
    build_sets,
    entries_of,
)
from app.domain.dataplane.ipvs.iptables import Netfilter, Shut, netfilter, shut
from app.domain.dataplane.ipvs.sysctls import sysctls
from app.domain.dataplane.ipvs.virtual_server import Flag, ServerKey, VirtualServer, server_key
from app.domain.dataplane.rules.address_numbers import ordered
from app.domain.dataplane.rules.model import (
    Destination,
    NodeFamily,
    NodeRules,
    PortRules,
    RulesConfig,
    ServiceRules,
)
from app.domain.dataplane.rules.service_rules import NodeView
from app.domain.objects.service import Scheduler


class Fragment(NamedTuple):
    """What one Service adds to a node."""

    rules: ServiceRules
    virtual_servers: tuple[VirtualServer, ...] = ()
    entries: tuple[Entry, ...] = ()
    addresses: tuple[tuple[bool, int, str], ...] = ()
    """Virtual addresses, behind what they are sorted by: family and number."""
    shut: tuple[tuple[IPFamily, Shut], ...] = ()


T = TypeVar("T")

_NO_FLAGS: Final[tuple[str, ...]] = ()
_PERSISTENT: Final[tuple[str, ...]] = (Flag.PERSISTENT,)
_MH: Final = Scheduler.MH.value


@dataclass(frozen=True, slots=True, kw_only=True)
class IPVSRules:
    """Everything a node in IPVS mode is told, and the model it is rendered from."""

    rules: NodeRules
    sysctls: tuple[tuple[str, str], ...]
    addresses: tuple[str, ...]
    virtual_servers: tuple[VirtualServer, ...]
    ipsets: tuple[IPSet, ...]
    netfilters: tuple[Netfilter, ...]


def fragment(rules: ServiceRules, view: NodeView) -> Fragment:
    """Say one Service's rules in terms of IPVS, for one node."""
    servers: list[VirtualServer] = []
    entries: list[Entry] = []
    addresses: list[str] = []
    closed: list[tuple[IPFamily, Shut]] = []
    for port in rules.ports:
        node = view.family(port.family)
        assert node is not None, "rules are made for families that the node serves"
        bound = bound_addresses(port, node)
        servers += _virtual_servers(port)
        entries += entries_of(port, bound)
        addresses += bound
        if port.source_ranges:
            closed += _shut(port)
    if len(servers) > 1:  # one address may have two roles, and ports share their addresses
        servers = _first_by_key(servers)
        entries, addresses = list(dict.fromkeys(entries)), list(dict.fromkeys(addresses))
    return Fragment(
        rules,
        tuple(servers),
        tuple(entries),
        tuple([(":" in address, *ordered(address)) for address in addresses]),
        tuple(closed),
    )


def sharing(made: Fragment, like: Fragment) -> Fragment:
    """Put another node's parts in the place of equal ones: what is made of them is then shared."""
    return Fragment(
        made.rules,
        _same(made.virtual_servers, like.virtual_servers),
        _same(made.entries, like.entries),
        _same(made.addresses, like.addresses),
        _same(made.shut, like.shut),
    )


def _same(ours: T, theirs: T) -> T:
    return theirs if theirs == ours else ours


def ipvs_rules(rules: NodeRules) -> IPVSRules:
    """Render a node's rules for IPVS mode."""
    view = NodeView(name=rules.node, zone="", families=rules.families, taken={})
    return join([fragment(service, view) for service in rules.services], rules)


def join(fragments: Iterable[Fragment], rules: NodeRules) -> IPVSRules:
    """Put the fragments of a node's Services together, sorted."""
    held = list(fragments)
    entries = gather_entries(held)
    addresses = {address for each in held for address in each.addresses}
    closed = {pair for each in held for pair in each.shut}
    servers = sorted(
        chain.from_iterable([each.virtual_servers for each in held]), key=itemgetter(0)
    )
    return IPVSRules(
        rules=rules,
        sysctls=sysctls(rules.config),
        addresses=tuple([address for _, _, address in sorted(addresses)]),
        virtual_servers=tuple(servers),
        ipsets=build_sets(entries, [family.family for family in rules.families]),
        netfilters=netfilters_of(rules.families, rules.config, entries, closed),
    )


def netfilters_of(
    families: Iterable[NodeFamily],
    config: RulesConfig,
    names: Iterable[str],
    closed: Collection[tuple[IPFamily, Shut]],
) -> tuple[Netfilter, ...]:
    """Give the filter rules of each family, knowing which sets hold anything."""
    occupied = [SETS_BY_KERNEL_NAME[name] for name in names]
    return tuple(
        netfilter(
            node,
            config,
            frozenset(name for name, family in occupied if family is node.family),
            tuple(sorted(each for family, each in closed if family is node.family)),
        )
        for node in families
    )


def gather_entries(fragments: Iterable[Fragment]) -> dict[str, set[str]]:
    """Collect set entries by the kernel's name of the set; empty sets are left out."""
    entries: dict[str, set[str]] = {}
    for each in fragments:
        for name, entry in each.entries:
            if name in entries:
                entries[name].add(entry)
            else:
                entries[name] = {entry}
    return entries


def _virtual_servers(port: PortRules) -> list[VirtualServer]:
    fronts = [(port.cluster_ip, port.port, port.internal)] if port.cluster_ip else []
    if port.is_externally_accessible:
        external = _external(port)
        fronts += [(a, port.port, external) for a in (*port.external_ips, *port.load_balancer_ips)]
        fronts += [(a, port.node_port, external) for a in port.node_port_addresses]
    name, family, scheduler = port.name, port.family, port.scheduler
    flags = _NO_FLAGS if port.affinity_timeout_s is None else _PERSISTENT
    if scheduler == _MH:
        flags = (*flags, Flag.MH_PORT)
    return [
        VirtualServer(
            server_key(family, name.protocol, address, number),
            scheduler,
            flags,
            port.affinity_timeout_s,
            destinations,
            name,
        )
        for address, number, destinations in fronts
    ]


def _first_by_key(servers: Iterable[VirtualServer]) -> list[VirtualServer]:
    first: dict[ServerKey, VirtualServer] = {}
    for server in servers:
        first.setdefault(server.key, server)
    return list(first.values())


def _external(port: PortRules) -> tuple[Destination, ...]:
    """Choose for external addresses: IPVS cannot tell clients apart, so Local falls back.

    Pods of a node without endpoints must reach the address too (spec ipvs 2.3).
    """
    return (port.local or port.cluster) if port.is_external_local else port.cluster


def _shut(port: PortRules) -> Iterator[tuple[IPFamily, Shut]]:
    if not port.source_ranges or port.allows_node:
        return
    for address in port.load_balancer_ips:
        yield port.family, shut(address, port.protocol, port.port)
