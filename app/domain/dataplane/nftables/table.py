"""The fixed part of the nftables table of one IP family: declarations and rules.

    IPFamily                -> declarations of sets and maps
    NodeFamily, RulesConfig -> Layout: chains      Pick -> rules of its chain

No kernel object belongs to a single Service: rules look into shared sets and
maps, and there is one chain for each number of destinations.  What the sets hold
is not known here.

    prerouting, output -> services -> pick-tcp-N | keep-tcp-N-Ts | reject-all | node-ports-tcp
    postrouting        -> masquerading-tcp             (and the same for udp and sctp)
    forward, output    -> cluster-ips-check: what is still sent to an address of Services

Packets carry no mark.  Whether a connection leaves with the node's address is
decided by where it was first sent, which connection tracking knows.

Source: spec ipvs 8.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

from app.domain.addresses import IPFamily, family_of, parse_address, parse_prefix
from app.domain.dataplane.nftables.elements import LOCAL_OFFSET, Pick
from app.domain.dataplane.nftables.words import WORDS, Words
from app.domain.dataplane.rules.model import LocalDetection, NodeFamily, RulesConfig

TABLE: Final = "waypost"
CHECK: Final = "cluster-ips-check"
AFFINITY_CLIENTS_MAX: Final = 262_144  # clients remembered; beyond, connections go anywhere
AFFINITY_TIMEOUT_DEFAULT: Final = "3h"  # never used, each element brings its own
PROTOCOLS: Final = ("tcp", "udp", "sctp")
KEPT_SETS: Final = frozenset(f"affinity-{protocol}" for protocol in PROTOCOLS)
"""Sets that packets fill; loading the table anew leaves them as they are."""

_MASQUERADE: Final = "masquerade fully-random"
_INDEX: Final = "numgen random mod 65536"  # the type of a slot
_PARITY: Final = "0:1"  # the bit that tells local destinations from others
_CONFIGURED_INTERFACE: Final = {
    LocalDetection.BRIDGE_INTERFACE: "",
    LocalDetection.INTERFACE_NAME_PREFIX: "*",
}
_LAYOUTS_REMEMBERED_MAX: Final = 64


@dataclass(frozen=True, slots=True)
class Layout:
    """Chains by name with their rules, and the addresses that answer at node ports if not all."""

    chains: Mapping[str, tuple[str, ...]]
    node_port_addresses: tuple[str, ...] = ()


@lru_cache(maxsize=_LAYOUTS_REMEMBERED_MAX)
def layout(family: NodeFamily, config: RulesConfig) -> Layout:
    """Make the fixed chains of one family of one node."""
    words = WORDS[family.family]
    chains: dict[str, tuple[str, ...]] = {
        # A reset is not subject to the limits on ICMP, and every client understands it.
        "reject-all": ("meta l4proto tcp reject with tcp reset", "reject"),
    }
    for protocol in PROTOCOLS:
        chains |= _chains(words, protocol, family)
    chains |= {
        "services": tuple(_services(words, family)),
        "masquerading": tuple(_masquerading(words, family, config)),
        "nat-prerouting": (_hooked("nat", "prerouting", -100), "jump services"),
        "nat-output": (_hooked("nat", "output", -100), "jump services"),
        "nat-postrouting": (_hooked("nat", "postrouting", 100), "ct status dnat jump masquerading"),
        # Connections that are open, and packets that nobody tracks, are not looked at.
        "filter-forward": (_hooked("filter", "forward", 0), f"ct state new jump {CHECK}"),
        "filter-output": (_hooked("filter", "output", 0), f"ct state new jump {CHECK}"),
    }
    addresses = () if family.has_all_node_ports else family.node_port_addresses
    return Layout(chains=chains, node_port_addresses=addresses)


def check_rules(family: NodeFamily, service_cidrs: Iterable[str]) -> tuple[str, ...]:
    """Write the rules for what was sent to an address of Services and has not been translated.

    A ClusterIP refuses; any other address of the ranges has no Service, and its packets must not
    leave by the default route.  A range that holds an address of the node itself is in use for
    more than Services, and left out: the node would be cut off from its neighbours.
    """
    words = WORDS[family.family]
    own = [address for text in family.addresses if (address := parse_address(text)) is not None]
    ranges = [
        str(prefix)
        for text in service_cidrs
        if (prefix := parse_prefix(text)) is not None
        and family_of(prefix) is family.family
        and not any(address in prefix for address in own)
    ]
    refuse = f"{words.ip} daddr @cluster-ips goto reject-all"
    return (refuse, f"{words.ip} daddr {{ {', '.join(ranges)} }} drop") if ranges else (refuse,)


@cache
def declarations(family: IPFamily) -> Mapping[str, tuple[str, ...]]:
    """List the sets and maps of a family with the lines that declare them."""
    words = WORDS[family]
    sets = {
        "cluster-ips": (f"typeof {words.ip} daddr",),
        "node-port-ips": (f"typeof {words.ip} daddr",),
    }
    for protocol in PROTOCOLS:
        sets |= _sets(words, protocol)
    return sets


def kind_of(lines: tuple[str, ...]) -> str:
    """Tell maps from sets by their declaration, as commands must."""
    return "map" if " : " in lines[0] else "set"


def pick_rules(pick: Pick, family: IPFamily) -> tuple[str, ...]:
    """Write the rules of a chain that chooses a destination."""
    words = WORDS[family]
    key = words.node_port_key(pick.protocol) if pick.is_node_port else words.key(pick.protocol)
    offset = f" offset {LOCAL_OFFSET}" if pick.is_local else ""
    slot = f"{key} . numgen random mod {pick.slots}{offset}"
    translate = f"meta l4proto {pick.protocol} dnat {words.ip} addr . port to"
    if not pick.timeout_s:
        return (f"{translate} {slot} map @endpoints-{pick.protocol}",)
    client = words.client(key)
    kept = f"{client} timeout {pick.timeout_s}s"
    # An update prolongs what is remembered; only a deletion makes room for another endpoint.
    forget = f"delete @affinity-{pick.protocol} {{ {client} : meta priority }}"
    choose = f"{forget} meta priority set {slot} map @choices-{pick.protocol}"
    parity = "!=" if pick.is_local else "=="
    go = (
        f"update @affinity-{pick.protocol} {{ {kept} : meta priority }}",
        f"{translate} {key} . meta priority map @kept-endpoints-{pick.protocol}",
    )
    # The priority of the first packet serves as a register: nft cannot nest two look-ups.
    # Kernels before 6.5 do not say whether a map has a key, so going there is tried: whoever
    # comes past is not remembered, or with an endpoint that is gone.
    return (
        f"meta priority set {client} map @affinity-{pick.protocol}",
        f"meta priority and {_PARITY} {parity} {_PARITY} {choose}",
        *go,
        choose,
        *go,
    )


def _sets(words: Words, protocol: str) -> dict[str, tuple[str, ...]]:
    key, ip = words.key(protocol), words.ip
    lines = {
        "affinity": (
            f"typeof {words.client_type} : meta priority",
            "flags dynamic,timeout",
            f"size {AFFINITY_CLIENTS_MAX}",
            f"timeout {AFFINITY_TIMEOUT_DEFAULT}",
        ),
        "choices": (f"typeof {key} . {_INDEX} : meta priority",),
        "endpoints": (f"typeof {key} . {_INDEX} : {key}",),
        "hairpin": (f"typeof {key} . {ip} saddr . {ip} daddr",),
        "kept-endpoints": (f"typeof {key} . meta priority : {key}",),
        "local-fronts": (f"typeof {key}",),
        "local-services": (f"typeof {key} : verdict",),
        "masqueraded": (f"typeof {key}",),
        # Apart from the addresses: the kernel looks through a map of verdicts for every rule
        # that asks it, each time one of them changes, and addresses are many.
        "node-port-local-services": (f"typeof {key} : verdict",),
        "node-port-services": (f"typeof {key} : verdict",),
        "restricted": (f"typeof {key}",),
        "services": (f"typeof {key} : verdict",),
        "source-ranges": (f"typeof {key} . {ip} saddr", "flags interval"),
    }
    return {f"{name}-{protocol}": declared for name, declared in lines.items()}


def _hooked(type_: str, hook: str, priority: int) -> str:
    return f"type {type_} hook {hook} priority {priority}; policy accept;"


def _outsider(family: NodeFamily, words: Words) -> str:
    """Match packets of neither this node nor its Pods."""
    pods = _foreign(family, words)
    return "fib saddr type != local" + (f" {pods}" if pods else "")


def _foreign(family: NodeFamily, words: Words) -> str:
    """Match packets that do not come from Pods; nothing when Pods cannot be told."""
    source = family.local_source
    if source is None:
        return ""
    if source.detection in _CONFIGURED_INTERFACE:
        return f'iifname != "{source.value}{_CONFIGURED_INTERFACE[source.detection]}"'
    return f"{words.ip} saddr != {source.value}"


def _chains(words: Words, protocol: str, family: NodeFamily) -> dict[str, tuple[str, ...]]:
    outsider, key = _outsider(family, words), words.key(protocol)
    node_port_key = words.node_port_key(protocol)
    source = f"{words.ip} saddr"
    return {
        f"services-{protocol}": (
            f"{key} @restricted-{protocol} {key} . {source} != @source-ranges-{protocol} drop",
            f"{outsider} {key} vmap @local-services-{protocol}",
            f"{key} vmap @services-{protocol}",
        ),
        f"node-ports-{protocol}": (
            f"{outsider} {node_port_key} vmap @node-port-local-services-{protocol}",
            f"{node_port_key} vmap @node-port-services-{protocol}",
        ),
        f"masquerading-{protocol}": tuple(_masquerading_one(words, protocol)),
    }


def _by_protocol(verdict: str) -> str:
    cases = ", ".join(f"{protocol} : {verdict}-{protocol}" for protocol in PROTOCOLS)
    return f"meta l4proto vmap {{ {cases} }}"


def _services(words: Words, family: NodeFamily) -> Iterator[str]:
    yield _by_protocol("jump services")
    yield f"{words.ip} daddr @cluster-ips goto reject-all"
    is_own = f"!= {words.loopback}" if family.has_all_node_ports else "@node-port-ips"
    yield f"fib daddr type local {words.ip} daddr {is_own} {_by_protocol('goto node-ports')}"


def _masquerading(words: Words, family: NodeFamily, config: RulesConfig) -> Iterator[str]:
    foreign = _foreign(family, words)
    if config.masquerade_all or foreign:
        condition = "" if config.masquerade_all else f"{foreign} "
        yield f"{condition}ct original {words.ip} daddr @cluster-ips {_MASQUERADE}"
    yield _by_protocol("goto masquerading")


def _masquerading_one(words: Words, protocol: str) -> Iterator[str]:
    # Maps of verdicts are not asked here: the kernel would want every chain they name to suit.
    ends = f"{words.ip} saddr . {words.ip} daddr"
    for original in (words.original_key, words.original_node_port_key):
        key = f"meta l4proto {protocol} {original}"
        yield f"{key} @masqueraded-{protocol} {_MASQUERADE}"
        yield f"fib saddr type local {key} @local-fronts-{protocol} {_MASQUERADE}"
        yield f"{key} . {ends} @hairpin-{protocol} {_MASQUERADE}"
        if original == words.original_key:  # what follows is for node ports, not equal numbers
            yield f"ct original {words.ip} daddr @cluster-ips return"
            yield f"{key} @local-fronts-{protocol} return"
