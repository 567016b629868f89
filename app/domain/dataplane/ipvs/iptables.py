"""The iptables and ip6tables rules of IPVS mode.

    which sets hold anything, which balancer addresses reject -> Netfilter
    Netfilter -> text for ``iptables-restore --noflush``

Rules match sets, so their number does not grow with Services; a rejecting balancer
address is the exception.  What the sets hold is ``ipsets``' concern.

Source: spec ipvs 5.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from app.domain.addresses import IPFamily
from app.domain.dataplane.ipvs.ipsets import NODE_PORT_SETS, SetName, SetType, kernel_name
from app.domain.dataplane.rules.address_numbers import ordered
from app.domain.dataplane.rules.model import (
    MASQUERADE_MARK,
    PROTOCOL_NUMBERS,
    LocalDetection,
    LocalSource,
)
from app.domain.objects.service import Protocol

_MARK: Final = f"{MASQUERADE_MARK:#010x}"
CHAINS: Final = {
    "nat": (
        "KUBE-SERVICES",
        "KUBE-POSTROUTING",
        "KUBE-NODE-PORT",
        "KUBE-LOAD-BALANCER",
        "KUBE-MARK-MASQ",
    ),
    "filter": (
        "KUBE-FORWARD",
        "KUBE-NODE-PORT",
        "KUBE-PROXY-FIREWALL",
        "KUBE-SOURCE-RANGES-FIREWALL",
        "KUBE-IPVS-FILTER",
        "KUBE-IPVS-OUT-FILTER",
    ),
}
"""All chains of ours, by table."""
_LOOPBACK: Final = {IPFamily.IPV4: "127.0.0.0/8", IPFamily.IPV6: "::1/128"}
PROGRAMS: Final = {IPFamily.IPV4: "iptables", IPFamily.IPV6: "ip6tables"}


class Jump(NamedTuple):
    """A rule in one of the kernel's own chains that leads to one of ours."""

    table: str
    origin: str
    target: str


JUMPS: Final = (
    Jump("nat", "OUTPUT", "KUBE-SERVICES"),
    Jump("nat", "PREROUTING", "KUBE-SERVICES"),
    Jump("nat", "POSTROUTING", "KUBE-POSTROUTING"),
    Jump("filter", "INPUT", "KUBE-NODE-PORT"),
    Jump("filter", "INPUT", "KUBE-PROXY-FIREWALL"),
    Jump("filter", "INPUT", "KUBE-IPVS-FILTER"),
    Jump("filter", "FORWARD", "KUBE-FORWARD"),
    Jump("filter", "FORWARD", "KUBE-PROXY-FIREWALL"),
    Jump("filter", "OUTPUT", "KUBE-IPVS-OUT-FILTER"),
)
"""In the order in which each is put in front, so that the last of a chain ends up first."""


class RejectingAddress(NamedTuple):
    """A balancer address that this node itself may not use as a source (spec ipvs 5)."""

    order: tuple[int, int, int]
    address: str
    protocol: str
    port: int


def rejecting_address(address: str, protocol: str, port: int) -> RejectingAddress:
    """Name a rejecting address so that it sorts by number."""
    number = PROTOCOL_NUMBERS[protocol]
    return RejectingAddress((ordered(address)[0], number, port), address, protocol, port)


@dataclass(frozen=True, slots=True)
class Netfilter:
    """All that the rules of one family depend on."""

    family: IPFamily
    occupied: frozenset[SetName] = frozenset()
    """The sets that hold anything."""
    rejecting: tuple[RejectingAddress, ...] = ()
    masquerade_all: bool = False
    local_source: LocalSource | None = None


def encode_netfilter(rules: Netfilter) -> str:
    """Write ``iptables-restore --noflush`` input; naming a chain empties it first."""
    lines: list[str] = []
    for table, written in (("nat", nat_rules(rules)), ("filter", filter_rules(rules))):
        lines.append(f"*{table}")
        lines += [f":{chain} - [0:0]" for chain in CHAINS[table]]
        lines += written
        lines.append("COMMIT")
    return "".join(f"{line}\n" for line in lines)


def jump_commands(family: IPFamily) -> list[str]:
    """Write shell commands that put the jumps in front of the kernel's chains, once."""
    program = PROGRAMS[family]
    return [
        f"{program} -w -t {table} -C {origin} -j {target} 2>/dev/null"
        f" || {program} -w -t {table} -I {origin} 1 -j {target}"
        for table, origin, target in JUMPS
    ]


def removal_commands(family: IPFamily) -> list[str]:
    """Write shell commands that take the jumps out and our chains away, as far as they exist."""
    program = PROGRAMS[family]
    commands = [
        f"{program} -w -t {table} -D {origin} -j {target} 2>/dev/null || true"
        for table, origin, target in JUMPS
    ]
    for flag in ("-F", "-X"):  # a chain goes only when no rule leads to it any more
        commands += [
            f"{program} -w -t {table} {flag} {chain} 2>/dev/null || true"
            for table, chains in CHAINS.items()
            for chain in chains
        ]
    return commands


def nat_rules(rules: Netfilter) -> list[str]:
    """List the rules of the nat table in the order of writing."""
    services = "-A KUBE-SERVICES"
    return [
        f"{services} -s {_LOOPBACK[rules.family]} -j RETURN",
        *_if_held(rules, SetName.LOOP_BACK, "-A KUBE-POSTROUTING", "-j MASQUERADE"),
        *_if_held(rules, SetName.LOAD_BALANCER, services, "-j KUBE-LOAD-BALANCER"),
        *_if_held(rules, SetName.LOAD_BALANCER_LOCAL, "-A KUBE-LOAD-BALANCER", "-j RETURN"),
        *_node_port_rules(rules),
        *_cluster_ip_rules(rules),
        *_external_ip_rules(rules),
        f"{services} -m addrtype --dst-type LOCAL -j KUBE-NODE-PORT",
        "-A KUBE-LOAD-BALANCER -j KUBE-MARK-MASQ",
        *_if_held(rules, SetName.CLUSTER_IP, services, "-j ACCEPT"),
        *_if_held(rules, SetName.LOAD_BALANCER, services, "-j ACCEPT"),
        f"-A KUBE-POSTROUTING -m mark ! --mark {_MARK}/{_MARK} -j RETURN",
        f"-A KUBE-POSTROUTING -j MARK --xor-mark {_MARK}",
        "-A KUBE-POSTROUTING -j MASQUERADE --random-fully",
        f"-A KUBE-MARK-MASQ -j MARK --or-mark {_MARK}",
    ]


def filter_rules(rules: Netfilter) -> list[str]:
    """List the rules of the filter table in the order of writing."""
    ranges = "-A KUBE-SOURCE-RANGES-FIREWALL"
    firewall = "-j KUBE-SOURCE-RANGES-FIREWALL"
    return [
        *_if_held(rules, SetName.LOAD_BALANCER_FW, "-A KUBE-PROXY-FIREWALL", firewall),
        *_if_held(rules, SetName.LOAD_BALANCER_SOURCE_CIDR, ranges, "-j RETURN"),
        *_if_held(rules, SetName.LOAD_BALANCER_SOURCE_IP, ranges, "-j RETURN"),
        f"{ranges} -j DROP",
        *_rejecting_rules(rules),
        f"-A KUBE-FORWARD -m mark --mark {_MARK}/{_MARK} -j ACCEPT",
        "-A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        _matching(rules, SetName.HEALTH_CHECK_NODE_PORT, "-A KUBE-NODE-PORT", "-j ACCEPT"),
        *(
            _matching(rules, name, "-A KUBE-IPVS-FILTER", "-j RETURN")
            for name in (
                SetName.LOAD_BALANCER,
                SetName.CLUSTER_IP,
                SetName.EXTERNAL_IP,
                SetName.EXTERNAL_IP_LOCAL,
                SetName.HEALTH_CHECK_NODE_PORT,
            )
        ),
        _matching(
            rules, SetName.IPVS_IPS, "-A KUBE-IPVS-FILTER -m conntrack --ctstate NEW", "-j REJECT"
        ),
    ]


_DIRECTIONS: Final = {
    SetType.IP: "dst",
    SetType.PORT: "dst",
    SetType.IP_PORT: "dst,dst",
    SetType.IP_PORT_IP: "dst,dst,src",
    SetType.IP_PORT_NET: "dst,dst,src",
}


def _matching(
    rules: Netfilter, name: SetName, before: str, after: str, *, directions: str | None = None
) -> str:
    """Write a rule that matches a set, filled or not."""
    sides = directions or _DIRECTIONS[name.type]
    return f"{before} -m set --match-set {kernel_name(name, rules.family)} {sides} {after}"


def _if_held(rules: Netfilter, name: SetName, before: str, *after: str) -> Iterator[str]:
    """Write rules that match a set, one an ending, unless the set is empty."""
    if name in rules.occupied:
        yield from (_matching(rules, name, before, ending) for ending in after)


def _node_port_rules(rules: Netfilter) -> Iterator[str]:
    for protocol in (Protocol.TCP, Protocol.UDP, Protocol.SCTP):
        every, local = NODE_PORT_SETS[protocol]
        before = f"-A KUBE-NODE-PORT -p {protocol.lower()}"
        yield from _if_held(rules, local, before, "-j RETURN")
        yield from _if_held(rules, every, before, "-j KUBE-MARK-MASQ")


def _cluster_ip_rules(rules: Netfilter) -> Iterator[str]:
    mark, services = "-j KUBE-MARK-MASQ", "-A KUBE-SERVICES"
    if SetName.CLUSTER_IP not in rules.occupied:
        return
    if rules.masquerade_all:
        yield _matching(rules, SetName.CLUSTER_IP, services, mark)
    elif rules.local_source is not None:
        elsewhere = f"{_not_local(rules.local_source)} {mark}"
        yield _matching(rules, SetName.CLUSTER_IP, services, elsewhere)
    else:
        # Without a way to tell Pods apart: at least what the node itself sends from a bound
        # address (spec ipvs 5, rule 11).
        yield _matching(rules, SetName.CLUSTER_IP, services, mark, directions="src,dst")


def _external_ip_rules(rules: Netfilter) -> Iterator[str]:
    accepted = (
        "-m physdev ! --physdev-is-in -m addrtype ! --src-type LOCAL -j ACCEPT",
        "-m addrtype --dst-type LOCAL -j ACCEPT",
    )
    services = "-A KUBE-SERVICES"
    yield from _if_held(rules, SetName.EXTERNAL_IP, services, "-j KUBE-MARK-MASQ", *accepted)
    yield from _if_held(rules, SetName.EXTERNAL_IP_LOCAL, services, *accepted)


def _rejecting_rules(rules: Netfilter) -> Iterator[str]:
    for _, address, protocol, port in rules.rejecting:
        yield (
            f"-A KUBE-IPVS-OUT-FILTER -s {address} -m ipvs --vaddr {address} "
            f"--vproto {protocol.lower()} --vport {port} -j DROP"
        )


def _not_local(source: LocalSource) -> str:
    match source.detection:
        case LocalDetection.CLUSTER_CIDR | LocalDetection.NODE_CIDR:
            return f"! -s {source.value}"
        case LocalDetection.BRIDGE_INTERFACE:
            return f"! -i {source.value}"
        case LocalDetection.INTERFACE_NAME_PREFIX:
            return f"! -i {source.value}+"
