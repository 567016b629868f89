"""The ipsets that IPVS mode needs beside its virtual servers.

    PortRules, NodeFamily -> entries, each with the set it belongs to
    entries -> every set of a family, empty ones too -> text for ``ipset restore``

Which packets the sets are matched against is ``iptables``' concern.
Source: spec ipvs 4 and 9.2.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.domain.addresses import IPFamily
from app.domain.dataplane.rules.model import NodeFamily, PortRules
from app.domain.objects.service import Protocol

NAME_LENGTH_MAX = 31  # characters the kernel keeps of a set's name
ELEMENTS_MAX_DEFAULT = 65_536  # entries of a hash set, unless there are more
_HASH_SIZE = 1024
_SPARE = "-NEXT"  # ends the name of a set while it is being filled


class SetType(StrEnum):
    """How a set stores its entries."""

    IP = "hash:ip"
    IP_PORT = "hash:ip,port"
    IP_PORT_IP = "hash:ip,port,ip"
    IP_PORT_NET = "hash:ip,port,net"
    PORT = "bitmap:port"


class SetName(StrEnum):
    """The sets, by their IPv4 name."""

    LOOP_BACK = "KUBE-LOOP-BACK"
    CLUSTER_IP = "KUBE-CLUSTER-IP"
    EXTERNAL_IP = "KUBE-EXTERNAL-IP"
    EXTERNAL_IP_LOCAL = "KUBE-EXTERNAL-IP-LOCAL"
    LOAD_BALANCER = "KUBE-LOAD-BALANCER"
    LOAD_BALANCER_FW = "KUBE-LOAD-BALANCER-FW"
    LOAD_BALANCER_LOCAL = "KUBE-LOAD-BALANCER-LOCAL"
    LOAD_BALANCER_SOURCE_IP = "KUBE-LOAD-BALANCER-SOURCE-IP"
    LOAD_BALANCER_SOURCE_CIDR = "KUBE-LOAD-BALANCER-SOURCE-CIDR"
    NODE_PORT_TCP = "KUBE-NODE-PORT-TCP"
    NODE_PORT_LOCAL_TCP = "KUBE-NODE-PORT-LOCAL-TCP"
    NODE_PORT_UDP = "KUBE-NODE-PORT-UDP"
    NODE_PORT_LOCAL_UDP = "KUBE-NODE-PORT-LOCAL-UDP"
    NODE_PORT_SCTP = "KUBE-NODE-PORT-SCTP-HASH"
    NODE_PORT_LOCAL_SCTP = "KUBE-NODE-PORT-LOCAL-SCTP-HASH"
    HEALTH_CHECK_NODE_PORT = "KUBE-HEALTH-CHECK-NODE-PORT"
    IPVS_IPS = "KUBE-IPVS-IPS"

    @property
    def type(self) -> SetType:
        """How this set stores its entries."""
        return _TYPES.get(self, SetType.IP_PORT)


_TYPES: Final[Mapping[SetName, SetType]] = {
    SetName.LOOP_BACK: SetType.IP_PORT_IP,
    SetName.LOAD_BALANCER_SOURCE_IP: SetType.IP_PORT_IP,
    SetName.LOAD_BALANCER_SOURCE_CIDR: SetType.IP_PORT_NET,
    SetName.NODE_PORT_TCP: SetType.PORT,
    SetName.NODE_PORT_LOCAL_TCP: SetType.PORT,
    SetName.NODE_PORT_UDP: SetType.PORT,
    SetName.NODE_PORT_LOCAL_UDP: SetType.PORT,
    SetName.HEALTH_CHECK_NODE_PORT: SetType.PORT,
    SetName.IPVS_IPS: SetType.IP,
}
FAMILY_WORDS: Final = {IPFamily.IPV4: "inet", IPFamily.IPV6: "inet6"}
"""The kernel's words for families."""
NODE_PORT_SETS: Final[Mapping[str, tuple[SetName, SetName]]] = {
    Protocol.TCP: (SetName.NODE_PORT_TCP, SetName.NODE_PORT_LOCAL_TCP),
    Protocol.UDP: (SetName.NODE_PORT_UDP, SetName.NODE_PORT_LOCAL_UDP),
    Protocol.SCTP: (SetName.NODE_PORT_SCTP, SetName.NODE_PORT_LOCAL_SCTP),
}
"""By protocol: the set of all node ports, and of those whose external policy is Local."""


def kernel_name(name: SetName, family: IPFamily) -> str:
    """Give the name the kernel knows a set by; the family's mark may cut its end off."""
    return _NAMES[family][name]


_NAMES: Final[Mapping[IPFamily, Mapping[SetName, str]]] = {
    IPFamily.IPV4: {name: name.value for name in SetName},
    IPFamily.IPV6: {
        name: name.replace("KUBE-", "KUBE-6-", 1)[:NAME_LENGTH_MAX] for name in SetName
    },
}
# Every Service has entries in these two, and naming a member of an enum is a search for it.
_CLUSTER_IP: Final = SetName.CLUSTER_IP
_IPVS_IPS: Final = SetName.IPVS_IPS
SETS_BY_KERNEL_NAME: Final[Mapping[str, tuple[SetName, IPFamily]]] = {
    kernel_name(name, family): (name, family) for family in IPFamily for name in SetName
}


@dataclass(frozen=True, slots=True)
class IPSet:
    """One set: ``family`` is inet or inet6, ``elements_max`` None for a bitmap."""

    name: str
    type: SetType
    family: str
    entries: tuple[str, ...] = ()
    elements_max: int | None = None


Entry = tuple[str, str]
"""The kernel's name of a set, and one entry of it."""


def entries_of(rules: PortRules, bound: Iterable[str]) -> list[Entry]:
    """List what one port adds to the sets of its family, given its ``bound_addresses``."""
    protocol = rules.name.protocol.lower()
    names = _NAMES[rules.family]
    entries = [(names[_IPVS_IPS], address) for address in bound]
    if rules.cluster_ip:
        entries.append((names[_CLUSTER_IP], f"{rules.cluster_ip},{protocol}:{rules.port}"))
    for address, port, _ in rules.on_node:
        entries.append((names[SetName.LOOP_BACK], f"{address},{protocol}:{port},{address}"))
    if rules.health_check_node_port:
        entries.append((names[SetName.HEALTH_CHECK_NODE_PORT], str(rules.health_check_node_port)))
    if rules.is_externally_accessible:
        entries += [(names[name], entry) for name, entry in _external_entries(rules, protocol)]
    return entries


def bound_addresses(rules: PortRules, families: Iterable[NodeFamily]) -> list[str]:
    """List the addresses that the dummy interface holds for a port: not the node's own."""
    bound = [rules.cluster_ip] if rules.cluster_ip else []
    if rules.external_ips or rules.load_balancer_ips:
        own = {address for family in families for address in family.addresses}
        bound += [a for a in (*rules.external_ips, *rules.load_balancer_ips) if a not in own]
    return bound


def build_sets(
    entries: Mapping[str, Iterable[str]], families: Iterable[IPFamily]
) -> tuple[IPSet, ...]:
    """Make every set of the families, in the order of ``SetName``."""
    sets: list[IPSet] = []
    for family in families:
        for name, kernel in _NAMES[family].items():
            held = tuple(sorted(entries.get(kernel, ())))
            size = None if name.type is SetType.PORT else elements_max(len(held))
            sets.append(IPSet(kernel, name.type, FAMILY_WORDS[family], held, size))
    return tuple(sets)


def elements_max(count: int) -> int:
    """Size a hash set so that a third more entries fit: full sets drop entries silently."""
    fitting = ELEMENTS_MAX_DEFAULT
    while fitting * 3 < count * 4:
        fitting *= 2
    return fitting


def create_line(ipset: IPSet, name: str) -> str:
    """Write the line that makes a set of this name, tolerating one that is there."""
    if ipset.elements_max is None:
        return f"create {name} {ipset.type} range 0-65535 -exist"
    return (
        f"create {name} {ipset.type} family {ipset.family} "
        f"hashsize {_HASH_SIZE} maxelem {ipset.elements_max} -exist"
    )


def encode_sets(sets: Iterable[IPSet]) -> str:
    """Write ``ipset restore`` input that makes each set hold exactly its entries."""
    return "".join(f"{line}\n" for ipset in sets for line in _filling(ipset, ipset.name))


def encode_swap(ipset: IPSet) -> str:
    """Write ``ipset restore`` input that replaces a set's content in one step."""
    spare = ipset.name[: NAME_LENGTH_MAX - len(_SPARE)] + _SPARE
    swap = f"swap {spare} {ipset.name}", f"destroy {spare}"
    lines = create_line(ipset, ipset.name), *_filling(ipset, spare), *swap
    return "".join(f"{line}\n" for line in lines)


def _filling(ipset: IPSet, name: str) -> list[str]:
    """Write the lines that make a set of this name hold exactly these entries."""
    adding = [f"add {name} {entry}" for entry in ipset.entries]
    return [create_line(ipset, name), f"flush {name}", *adding]


def _external_entries(rules: PortRules, protocol: str) -> Iterator[tuple[SetName, str]]:
    external = SetName.EXTERNAL_IP_LOCAL if rules.is_external_local else SetName.EXTERNAL_IP
    for address in rules.external_ips:
        yield external, f"{address},{protocol}:{rules.port}"
    for address in rules.load_balancer_ips:
        yield from _load_balancer_entries(rules, address, protocol)
    if rules.node_port and rules.node_port_addresses:
        yield from _node_port_entries(rules, protocol)


def _load_balancer_entries(
    rules: PortRules, address: str, protocol: str
) -> Iterator[tuple[SetName, str]]:
    entry = f"{address},{protocol}:{rules.port}"
    yield SetName.LOAD_BALANCER, entry
    if rules.is_external_local:
        yield SetName.LOAD_BALANCER_LOCAL, entry
    if rules.source_ranges:
        yield SetName.LOAD_BALANCER_FW, entry
    if rules.allows_node:
        yield SetName.LOAD_BALANCER_SOURCE_IP, f"{entry},{address}"
    for prefix in rules.source_ranges:
        yield SetName.LOAD_BALANCER_SOURCE_CIDR, f"{entry},{prefix}"


def _node_port_entries(rules: PortRules, protocol: str) -> Iterator[tuple[SetName, str]]:
    every, local = NODE_PORT_SETS[rules.protocol]
    for name in (every, local) if rules.is_external_local else (every,):
        if rules.protocol != Protocol.SCTP:
            yield name, str(rules.node_port)
            continue
        for address in rules.node_port_addresses:
            yield name, f"{address},{protocol}:{rules.node_port}"
