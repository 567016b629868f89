"""What one Service puts into the shared sets and maps of the nftables table.

    ServiceRules -> Elements: set -> key -> value     (plain sets have "" as value)

Elements of different Services never coincide, so a change of one Service is the
difference of its own elements.  Sets come in threes, one a protocol; their keys
begin with where a packet was sent, ``address . port``, with the zero address for
a node port.  How sets are declared and which rules ask them is not known here.

Source: spec ipvs 8, "better design".
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import gcd
from typing import Final, NamedTuple
from zlib import crc32

from app.domain.addresses import IPFamily, Prefix, disjoint, parse_address, parse_prefix
from app.domain.dataplane.rules.model import Destination, PortRules, ServiceRules
from app.domain.dataplane.rules.service_addresses import spell

SLOTS_MAX: Final = 256  # slots among which unequal weights are apportioned,
SLOTS_PER_DESTINATION_MAX: Final = 4  # or this times their number where that is more
DESTINATIONS_MAX: Final = 6_500  # of one list; with a slot each on top, below LOCAL_OFFSET
LOCAL_OFFSET: Final = 32_768  # first slot of the destinations that outside traffic is kept to
ANY_ADDRESS: Final[Mapping[IPFamily, str]] = {IPFamily.IPV4: "0.0.0.0", IPFamily.IPV6: "::"}  # noqa: S104  a key, nothing binds it

REJECT: Final = "goto reject-all"
DROP: Final = "drop"

_ID_BITS = 32
_HALF_BITS = 16
_RESERVED_IDS: Final = (0, 0xFFFF_FFFF)  # nft spells these two as words


class Pick(NamedTuple):
    """A chain that chooses among ``slots`` destinations; ``timeout_s`` 0 forgets the client."""

    protocol: str
    slots: int
    is_local: bool
    is_node_port: bool
    timeout_s: int = 0

    @property
    def name(self) -> str:
        """The chain's name."""
        words = ("node-port-" if self.is_node_port else "", "local-" if self.is_local else "")
        verb, kept = ("keep", f"-{self.timeout_s}s") if self.timeout_s else ("pick", "")
        return "".join((*words, verb, f"-{self.protocol}-{self.slots}", kept))


STANDING_SLOTS_MAX: Final = 16
STANDING_PICKS: Final = frozenset(
    Pick("tcp", slots, is_local=False, is_node_port=is_node_port)
    for slots in range(1, STANDING_SLOTS_MAX + 1)
    for is_node_port in (False, True)
)
"""Chains that a table has whether or not anything goes to them.

A chain that comes later takes as long as there are endpoints: the kernel looks through
the whole map that a new rule asks.
"""


@dataclass(frozen=True, slots=True)
class Elements:
    """Elements by set, and the chains that verdicts among them go to."""

    by_set: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    picks: set[Pick] = field(default_factory=set[Pick])

    def put(self, set_: str, key: str, value: str = "") -> None:
        """Place one element."""
        self.by_set.setdefault(set_, {})[key] = value

    def put_at(self, set_: str, at: "VirtualAddress", value: str = "", *, tail: str = "") -> None:
        """Place one element under a virtual address, in the set of its protocol."""
        self.put(f"{set_}-{at.protocol}", f"{at.key}{tail}", value)

    def add(self, service: ServiceRules, family: IPFamily) -> None:
        """Place the elements of one Service in one family."""
        for port in service.ports:
            if port.family is family:
                for at in _virtual_addresses(port, self):
                    _place(self, port, at)


@dataclass(frozen=True, slots=True)
class VirtualAddress:
    """One address and port of a service port: how keys spell it, in sets of which protocol."""

    protocol: str
    key: str
    is_node_port: bool = False
    is_external: bool = False


def service_elements(service: ServiceRules | None, family: IPFamily) -> Elements:
    """Compute the elements of one Service in one family; none for no Service."""
    elements = Elements()
    if service is not None:
        elements.add(service, family)
    return elements


def slots(destinations: Iterable[Destination]) -> tuple[Destination, ...]:
    """Repeat destinations by weight; weight 0 gets no slot, others at least one.

    Weights that share a divisor are reduced by it; what is still too much is scaled
    down to SLOTS_MAX, largest remainders first, and what is too light for a slot gets
    one on top.
    """
    live = [each for each in destinations if each.weight > 0][:DESTINATIONS_MAX]
    if not live:
        return ()
    weights = [weight for _, _, weight in live]
    divisor = gcd(*weights)
    if weights.count(divisor) == len(weights):
        return tuple(live)
    counts = _apportioned([weight // divisor for weight in weights])
    return tuple(d for d, count in zip(live, counts, strict=True) for _ in range(count))


def _apportioned(weights: list[int]) -> list[int]:
    total = sum(weights)
    bound = max(SLOTS_MAX, SLOTS_PER_DESTINATION_MAX * len(weights))
    if total <= bound:
        return weights
    counts = [max(1, weight * bound // total) for weight in weights]
    by_remainder = sorted(
        range(len(weights)), key=lambda place: (-(weights[place] * bound % total), place)
    )
    whole = [place for place in by_remainder if weights[place] * bound >= total]
    for place in whole[: max(0, bound - sum(counts))]:
        counts[place] += 1
    return counts


def _virtual_addresses(port: PortRules, elements: Elements) -> Iterator[VirtualAddress]:
    protocol = port.protocol.lower()
    if port.cluster_ip is not None:
        elements.put("cluster-ips", port.cluster_ip)
        yield VirtualAddress(protocol, f"{port.cluster_ip} . {port.port}")
    for address in port.external_ips:
        yield VirtualAddress(protocol, f"{address} . {port.port}", is_external=True)
    for address in port.load_balancer_ips:
        at = VirtualAddress(protocol, f"{address} . {port.port}", is_external=True)
        _restrict(elements, at, port.source_ranges)
        yield at
    if port.node_port:
        any_address = ANY_ADDRESS[port.family]
        yield VirtualAddress(
            protocol, f"{any_address} . {port.node_port}", is_node_port=True, is_external=True
        )


def _restrict(elements: Elements, at: VirtualAddress, source_ranges: Iterable[str]) -> None:
    """Admit only clients of the ranges; a set of intervals bears no overlaps."""
    prefixes = [prefix for text in source_ranges if (prefix := _prefix(text)) is not None]
    if prefixes:
        elements.put_at("restricted", at)
    for prefix in disjoint(prefixes):
        elements.put_at("source-ranges", at, tail=f" . {spell(prefix)}")


def _prefix(text: str) -> Prefix | None:
    address = parse_address(text)  # a lone address stands for itself
    return parse_prefix(text if address is None else f"{text}/{address.max_prefixlen}")


def _place(elements: Elements, port: PortRules, at: VirtualAddress) -> None:
    is_local = port.is_internal_local and not at.is_external
    kind = "node-port-" if at.is_node_port else ""
    verdict = _verdict(elements, port, at, is_local=is_local)
    elements.put_at(f"{kind}services", at, verdict)
    if at.is_external and not port.is_external_local:
        elements.put_at("masqueraded", at)
        return
    if at.is_external:
        # The node and its Pods may go anywhere; what comes from outside stays here.
        elements.put_at("local-fronts", at)
        verdict = _verdict(elements, port, at, is_local=True)
        elements.put_at(f"{kind}local-services", at, verdict)
    for address in sorted({address for address, _, _ in port.on_node}):
        elements.put_at("hairpin", at, tail=f" . {address} . {address}")


def _verdict(elements: Elements, port: PortRules, at: VirtualAddress, *, is_local: bool) -> str:
    chosen = slots(port.local if is_local else port.cluster)
    if not chosen:
        # A Local policy hides what serves elsewhere; a refusal would say that nothing does.
        return DROP if is_local and port.has_any else REJECT
    timeout_s = port.affinity_timeout_s or 0
    pick = Pick(at.protocol, len(chosen), is_local, at.is_node_port, timeout_s)
    elements.picks.add(pick)
    offset = LOCAL_OFFSET if is_local else 0
    if timeout_s:
        _place_kept(elements, at, chosen, offset)
    else:
        endpoints = elements.by_set.setdefault(f"endpoints-{at.protocol}", {})
        for index, (address, number, _) in enumerate(chosen, offset):
            endpoints[f"{at.key} . {index}"] = f"{address} . {number}"
    return f"goto {pick.name}"


def _place_kept(
    elements: Elements, at: VirtualAddress, chosen: tuple[Destination, ...], offset: int
) -> None:
    """Clients remember an identifier, not a slot, which another endpoint may take over."""
    ids = endpoint_ids(chosen, is_local=bool(offset))
    for (address, port, _), id_ in ids.items():
        elements.put_at("kept-endpoints", at, f"{address} . {port}", tail=f" . {id_}")
    for index, destination in enumerate(chosen, offset):
        elements.put_at("choices", at, ids[destination], tail=f" . {index}")


def endpoint_ids(
    destinations: Iterable[Destination], *, is_local: bool
) -> Mapping[Destination, str]:
    """Name each destination by 32 bits that outlive the others; the last tells the two lists apart.

    Spelt as nft spells the packet priority, which carries them: ``hhhh:hhhh``.
    """
    ids: dict[Destination, str] = {}
    taken: set[int] = set(_RESERVED_IDS)
    for destination in sorted(set(destinations)):
        address, port, _ = destination
        id_ = crc32(f"{address} {port}".encode()) & ~1 | is_local
        while id_ in taken:
            id_ = (id_ + 2) % (1 << _ID_BITS)
        taken.add(id_)
        ids[destination] = f"{id_ >> _HALF_BITS:x}:{id_ & 0xFFFF:x}"
    return ids
