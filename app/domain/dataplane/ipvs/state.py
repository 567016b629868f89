"""IPVS mode: the virtual servers of a node and all that belongs to them.

    ServiceRules, families of the node -> Fragment    (what one Service adds)
    fragments, NodeRules               -> IPVSRules   (sorted: equal state, equal value)

How a kernel takes them is ``ipvsadm``'s, ``ipsets``' and ``iptables``' concern.
Source: spec ipvs 2.3 to 4.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
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
from app.domain.dataplane.ipvs.iptables import (
    Netfilter,
    RejectingAddress,
    rejecting_address,
)
from app.domain.dataplane.ipvs.virtual_server import (
    Flag,
    ServedPort,
    ServerKey,
    VirtualServer,
    server_key,
)
from app.domain.dataplane.rules.address_numbers import ordered
from app.domain.dataplane.rules.model import (
    Destination,
    NodeFamily,
    NodeRules,
    PortRules,
    RulesConfig,
    ServiceRules,
)
from app.domain.objects.service import Scheduler


class Fragment(NamedTuple):
    """What one Service adds to a node, and the rules that it says."""

    rules: ServiceRules
    served: tuple[ServedPort, ...] = ()
    entries: tuple[Entry, ...] = ()
    addresses: tuple[tuple[bool, int, str], ...] = ()
    """Virtual addresses, behind what they are sorted by: family and number."""
    rejecting: tuple[tuple[IPFamily, RejectingAddress], ...] = ()


T = TypeVar("T")

_SYSCTLS: Final = (
    ("net.ipv4.ip_forward", "1"),
    ("net.ipv4.vs.conntrack", "1"),
    ("net.ipv4.vs.expire_nodest_conn", "1"),
    ("net.ipv4.vs.expire_quiescent_template", "1"),
)
_STRICT_ARP: Final = (
    ("net.ipv4.conf.all.arp_announce", "2"),
    ("net.ipv4.conf.all.arp_ignore", "1"),
)
REUSE_MODE: Final = ("net.ipv4.vs.conn_reuse_mode", "0")
"""For kernels from 4.1 to 5.8 only: who applies rules knows which it has."""

_NO_FLAGS: Final[tuple[str, ...]] = ()
_PERSISTENT: Final[tuple[str, ...]] = (Flag.PERSISTENT,)
_MH: Final = Scheduler.MH.value


@dataclass(frozen=True, slots=True, kw_only=True)
class IPVSRules:
    """Everything that a node in IPVS mode holds, and the model it is rendered from."""

    rules: NodeRules
    sysctls: tuple[tuple[str, str], ...]
    addresses: tuple[str, ...]
    served: tuple[ServedPort, ...]
    ipsets: tuple[IPSet, ...]
    netfilters: tuple[Netfilter, ...]

    @property
    def virtual_servers(self) -> tuple[VirtualServer, ...]:
        """The virtual servers alone, in order of their keys."""
        return tuple([served.server for served in self.served])


def fragment(rules: ServiceRules, families: Sequence[NodeFamily]) -> Fragment:
    """Say one Service's rules in terms of IPVS, for one node."""
    served: list[ServedPort] = []
    entries: list[Entry] = []
    addresses: list[str] = []
    rejecting: list[tuple[IPFamily, RejectingAddress]] = []
    for port in rules.ports:
        bound = bound_addresses(port, families)
        served += _served(port)
        entries += entries_of(port, bound)
        addresses += bound
        if port.source_ranges and not port.allows_node:
            rejecting += [
                (port.family, rejecting_address(address, port.protocol, port.port))
                for address in port.load_balancer_ips
            ]
    if len(served) > 1:  # one address may have two roles, and ports share their addresses
        served = _first_by_key(served)
        entries, addresses = list(dict.fromkeys(entries)), list(dict.fromkeys(addresses))
    return Fragment(
        rules,
        tuple(served),
        tuple(entries),
        tuple([(":" in address, *ordered(address)) for address in addresses]),
        tuple(rejecting),
    )


def sharing(made: Fragment, like: Fragment) -> Fragment:
    """Put another node's parts in the place of equal ones: what is made of them is then shared."""
    return Fragment(
        made.rules,
        _same(made.served, like.served),
        _same(made.entries, like.entries),
        _same(made.addresses, like.addresses),
        _same(made.rejecting, like.rejecting),
    )


def _same(ours: T, theirs: T) -> T:
    return theirs if theirs == ours else ours


def ipvs_rules(rules: NodeRules) -> IPVSRules:
    """Render a node's rules for IPVS mode."""
    return join([fragment(service, rules.families) for service in rules.services], rules)


def join(fragments: Iterable[Fragment], rules: NodeRules) -> IPVSRules:
    """Put the fragments of a node's Services together, sorted."""
    held = list(fragments)
    entries = gather_entries(held)
    addresses = {address for each in held for address in each.addresses}
    rejecting = {pair for each in held for pair in each.rejecting}
    served = chain.from_iterable([each.served for each in held])
    return IPVSRules(
        rules=rules,
        sysctls=tuple(sorted(_SYSCTLS + (_STRICT_ARP if rules.config.strict_arp else ()))),
        addresses=tuple([address for _, _, address in sorted(addresses)]),
        served=tuple(sorted(served, key=attrgetter("server.key"))),
        ipsets=build_sets(entries, [family.family for family in rules.families]),
        netfilters=netfilters_of(rules.families, rules.config, entries, rejecting),
    )


def netfilters_of(
    families: Iterable[NodeFamily],
    config: RulesConfig,
    names: Iterable[str],
    rejecting: Collection[tuple[IPFamily, RejectingAddress]],
) -> tuple[Netfilter, ...]:
    """Give the filter rules of each family, knowing which sets hold anything."""
    occupied = [SETS_BY_KERNEL_NAME[name] for name in names]
    return tuple(
        Netfilter(
            family=node.family,
            occupied=frozenset(name for name, family in occupied if family is node.family),
            rejecting=tuple(sorted(each for family, each in rejecting if family is node.family)),
            masquerade_all=config.masquerade_all,
            local_source=node.local_source,
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


def _served(port: PortRules) -> list[ServedPort]:
    at = [(port.cluster_ip, port.port, port.internal)] if port.cluster_ip else []
    if port.is_externally_accessible:
        external = _external(port)
        at += [(a, port.port, external) for a in (*port.external_ips, *port.load_balancer_ips)]
        at += [(a, port.node_port, external) for a in port.node_port_addresses]
    name, family, scheduler, protocol = port.name, port.family, port.scheduler, port.name.protocol
    flags = _NO_FLAGS if port.affinity_timeout_s is None else _PERSISTENT
    if scheduler == _MH:
        flags = (*flags, Flag.MH_PORT)
    return [
        ServedPort(
            name,
            VirtualServer(
                server_key(family, protocol, address, number),
                scheduler,
                flags,
                port.affinity_timeout_s,
                destinations,
            ),
        )
        for address, number, destinations in at
    ]


def _first_by_key(served: Iterable[ServedPort]) -> list[ServedPort]:
    first: dict[ServerKey, ServedPort] = {}
    for each in served:
        first.setdefault(each.server.key, each)
    return list(first.values())


def _external(port: PortRules) -> tuple[Destination, ...]:
    """Choose for external addresses: IPVS cannot tell clients apart, so Local falls back.

    Pods of a node without endpoints must reach the address too (spec ipvs 2.3).
    """
    return (port.local or port.cluster) if port.is_external_local else port.cluster
