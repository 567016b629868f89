"""Parsers for the output of the kernel's programs.

    ipset save             -> Waypost's sets
    ip -j addr             -> whether the dummy interface exists, and its addresses
    iptables-save          -> Waypost's chains, and the jumps to them
    ipvsadm -L -n          -> connections of each real server
    all of it              -> whether a virtual server is Waypost's

Pure.  Objects of other programs are ignored.  Source: spec ipvs 9.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from app.domain.addresses import IPFamily, family_of_text
from app.domain.dataplane.ipvs.ipsets import (
    FAMILY_WORDS,
    NODE_PORT_SETS,
    SETS_BY_KERNEL_NAME,
    SetName,
    SetType,
    kernel_name,
)
from app.domain.dataplane.ipvs.iptables import CHAINS, JUMPS, Jump
from app.domain.dataplane.ipvs.operations import HeldSet, RealServerKey
from app.domain.dataplane.ipvs.virtual_server import ServerKey, server_key
from app.domain.dataplane.rules.model import DUMMY_INTERFACE, PROTOCOL_NUMBERS

_HOST_PREFIX: Final = {IPFamily.IPV4: "/32", IPFamily.IPV6: "/128"}
_JUMPS_BY_LINE: Final = {(jump.table, f"-A {jump.origin} -j {jump.target}"): jump for jump in JUMPS}
_FRONT_SETS: Final = (
    SetName.CLUSTER_IP,
    SetName.EXTERNAL_IP,
    SetName.EXTERNAL_IP_LOCAL,
    SetName.LOAD_BALANCER,
)
_UNCONDITIONAL: Final = (("filter", "KUBE-IPVS-FILTER"), ("filter", "KUBE-NODE-PORT"))
_MATCH: Final = re.compile(r"--match-set (\S+)")
_LISTED_WORDS: Final = 6  # of a real server's line


def parse_ipsets(text: str) -> dict[str, HeldSet]:
    """Parse the output of ``ipset save``."""
    held: dict[str, HeldSet] = {}
    entries: dict[str, list[str]] = {}
    for line in text.splitlines():
        verb, _, rest = line.partition(" ")
        name, _, rest = rest.partition(" ")
        if name not in SETS_BY_KERNEL_NAME:
            continue
        _, family = SETS_BY_KERNEL_NAME[name]
        if verb == "create":
            held[name] = _created(rest.split(), family)
            entries[name] = []
        elif verb == "add":
            entries[name].append(rest.partition(" ")[0].removesuffix(_HOST_PREFIX[family]))
    return {name: replace(each, entries=frozenset(entries[name])) for name, each in held.items()}


def _created(words: list[str], family: IPFamily) -> HeldSet:
    limit = words[words.index("maxelem") + 1] if "maxelem" in words else None
    type_ = SetType(words[0])
    # A set of the wrong family under Waypost's name keeps its family here, so it is replaced.
    word = words[words.index("family") + 1] if "family" in words else FAMILY_WORDS[family]
    return HeldSet(type_, word, None if limit is None else int(limit))


@dataclass(frozen=True, slots=True)
class Bound:
    """The addresses of the dummy interface, and those of other interfaces (``own``)."""

    has_interface: bool = False
    addresses: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()


def parse_bound(text: str) -> Bound:
    """Parse the output of ``ip -j addr``."""
    bound: set[str] = set()
    own: set[str] = set()
    has_interface = False
    for link in json.loads(text or "[]"):
        listed = link.get("addr_info") or ()
        if link.get("ifname") == DUMMY_INTERFACE:
            has_interface = True
            # The kernel itself may give it a link-local address.
            bound.update(entry["local"] for entry in listed if entry.get("scope") != "link")
        else:
            own.update(entry["local"] for entry in listed)
    return Bound(has_interface, frozenset(bound), frozenset(own))


@dataclass(frozen=True, slots=True)
class Written:
    """Waypost's filter rules as the kernel lists them, for comparison only."""

    chains: Mapping[tuple[str, str], tuple[str, ...]]
    jumps: frozenset[Jump]

    @property
    def has_all_jumps(self) -> bool:
        """Whether packets reach Waypost's chains."""
        return self.jumps >= set(JUMPS)

    def occupied(self, family: IPFamily) -> frozenset[SetName]:
        """Find the sets that were non-empty when these rules were written."""
        named = {
            name
            for (table, chain), rules in self.chains.items()
            if (table, chain) not in _UNCONDITIONAL
            for rule in rules
            for name in _MATCH.findall(rule)
        }
        return frozenset(name for name in SetName if kernel_name(name, family) in named)


def parse_written(text: str) -> Written:
    """Parse the output of ``iptables-save``."""
    chains: dict[tuple[str, str], list[str]] = {}
    jumps: set[Jump] = set()
    table = ""
    for line in text.splitlines():
        name = line.split()[1] if line.startswith("-A ") else line.split(" ")[0][1:]
        if line.startswith("*"):
            table = name
        elif line.startswith(":") and name in CHAINS.get(table, ()):
            chains[table, name] = []
        elif line.startswith("-A ") and (table, name) in chains:
            chains[table, name].append(line)
        elif (jump := _JUMPS_BY_LINE.get((table, line))) is not None:
            jumps.add(jump)
    return Written({place: tuple(rules) for place, rules in chains.items()}, frozenset(jumps))


def parse_connections(text: str) -> dict[RealServerKey, int]:
    """Parse the output of ``ipvsadm -L -n``: the sum of active and inactive connections."""
    found: dict[RealServerKey, int] = {}
    server: ServerKey | None = None
    for words in (line.split() for line in text.splitlines()):
        if words and words[0] in PROTOCOL_NUMBERS:
            server = _server(words[0], words[1])
        elif words and words[0] == "FWM":
            server = None
        elif len(words) >= _LISTED_WORDS and words[0] == "->" and server is not None:
            address, port = _endpoint(words[1])
            if words[-1].isdecimal() and words[-2].isdecimal():
                found[RealServerKey(server, address, port)] = int(words[-2]) + int(words[-1])
    return found


def _server(protocol: str, text: str) -> ServerKey | None:
    address, port = _endpoint(text)
    family = family_of_text(address)
    return None if family is None else server_key(family, protocol, address, port)


def _endpoint(text: str) -> tuple[str, int]:
    address, _, port = text.rpartition(":")
    return address.removeprefix("[").removesuffix("]"), int(port) if port.isdecimal() else 0


def is_ours(key: ServerKey, sets: Mapping[str, HeldSet], bound: Bound) -> bool:
    """Whether a virtual server is Waypost's.

    The order of steps ensures that each of Waypost's servers always has its address bound,
    or an entry in one of Waypost's sets.
    """
    if key.address in bound.addresses:
        return True
    entry = f"{key.address},{key.protocol.lower()}:{key.port}"
    node_ports = NODE_PORT_SETS[key.protocol][0]
    if any(_holds(sets, name, key.family, entry) for name in (*_FRONT_SETS, node_ports)):
        return True
    return key.address in bound.own and _holds(sets, node_ports, key.family, str(key.port))


def _holds(sets: Mapping[str, HeldSet], name: SetName, family: IPFamily, entry: str) -> bool:
    held = sets.get(kernel_name(name, family))
    return held is not None and entry in held.entries
