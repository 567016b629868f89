"""From what a node holds to what it should hold, in an order that is safe at every step.

    plan(current, desired) -> operations, of two parts around each other:
    plan_sets -> what lets traffic through      plan_virtual_servers -> what attracts it

What lets traffic through comes before what attracts it, and goes after it:

    settings, sets and entries, filter rules              (what is new)
    virtual servers, each with its real servers, weights
    interface, addresses bound; real servers drained or removed
    virtual servers removed, addresses unbound
    filter rules, entries, sets, interface                (what is gone)
    removals that wait for connections to end

Laws: ``apply(plan(a, b), a) == b`` and ``plan(a, a) == ()``.  How long a drained
server is waited for is decided by whoever applies the plan.

Source: spec ipvs 6 and 7, "do better" (c) and (g).
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from app.domain.dataplane.ipvs.iptables import Netfilter
from app.domain.dataplane.ipvs.operations import (
    AddEntry,
    AddRealServer,
    AddVirtualServer,
    BindAddress,
    CreateInterface,
    CreateSet,
    DestroySet,
    DrainRealServer,
    EditVirtualServer,
    HeldSet,
    IPVSState,
    Operation,
    RealServerKey,
    RemoveEntry,
    RemoveInterface,
    RemoveNetfilter,
    RemoveRealServer,
    RemoveVirtualServer,
    ReplaceNetfilter,
    ReplaceSet,
    SetSysctl,
    SetWeight,
    UnbindAddress,
    ipset_of,
)
from app.domain.dataplane.ipvs.virtual_server import ServerKey, VirtualServer
from app.domain.dataplane.rules.address_numbers import ordered
from app.domain.dataplane.rules.model import DUMMY_INTERFACE, Destination
from app.domain.objects.service import Protocol


class Bracket(NamedTuple):
    """Operations of one part, before and after those of the parts that it is planned around."""

    opening: tuple[Operation, ...] = ()
    closing: tuple[Operation, ...] = ()


def plan(
    current: IPVSState, desired: IPVSState, *, idle: Collection[RealServerKey] = ()
) -> tuple[Operation, ...]:
    """List the operations from one state to the other, in the order to take them.

    ``idle`` are real servers known to have no connections: they need no draining.
    """
    sets = plan_sets(current, desired)
    servers = plan_virtual_servers(current, desired, idle=idle)
    return (*sets.opening, *servers.opening, *sets.closing, *servers.closing)


def plan_sets(current: IPVSState, desired: IPVSState) -> Bracket:
    """Plan what lets traffic through; what attracts it comes after the opening."""
    interims = _interim_netfilters(current, desired)
    closing = [*_final_netfilters(current, desired, interims), *_gone_entries(current, desired)]
    if current.has_interface and not desired.has_interface:
        closing.append(RemoveInterface(DUMMY_INTERFACE))
    return Bracket(
        (
            *_sysctls(current, desired),
            *_new_entries(current, desired),
            *[
                ReplaceNetfilter(interim)
                for interim in interims
                if interim != current.netfilters.get(interim.family)
            ],
        ),
        tuple(closing),
    )


def plan_virtual_servers(
    current: IPVSState, desired: IPVSState, *, idle: Collection[RealServerKey] = ()
) -> Bracket:
    """Plan what attracts traffic; what waits for connections to end closes everything."""
    servers = _Servers(current.servers, desired.servers, idle)
    unwanted = list(servers.unwanted())
    opening = list(servers.new())
    if desired.has_interface and not current.has_interface:
        opening.append(CreateInterface(DUMMY_INTERFACE))
    opening += map(BindAddress, _in_order(desired.addresses - current.addresses))
    opening += [drain for drain in unwanted if isinstance(drain, DrainRealServer)]
    opening += [gone for gone in unwanted if _is_at_once(gone)]
    opening += servers.gone()
    opening += map(UnbindAddress, _in_order(current.addresses - desired.addresses))
    return Bracket(tuple(opening), tuple([gone for gone in unwanted if _is_waiting(gone)]))


def _is_at_once(operation: Operation) -> bool:
    return isinstance(operation, RemoveRealServer) and not operation.when_drained


def _is_waiting(operation: Operation) -> bool:
    return isinstance(operation, RemoveRealServer) and operation.when_drained


def _in_order(addresses: Collection[str]) -> list[str]:
    return sorted(addresses, key=lambda address: (":" in address, ordered(address)))


def _sysctls(current: IPVSState, desired: IPVSState) -> Iterator[Operation]:
    """Set what differs; settings that are no longer wanted stay, for others may rely on them."""
    for name, value in sorted(desired.sysctls.items()):
        if current.sysctls.get(name) != value:
            yield SetSysctl(name, value)


def _new_entries(current: IPVSState, desired: IPVSState) -> Iterator[Operation]:
    for name, wanted in desired.ipsets.items():
        held = current.ipsets.get(name)
        if held is None:
            yield CreateSet(ipset_of(name, replace(wanted, entries=frozenset())))
            held = replace(wanted, entries=frozenset())
        elif _needs_replacing(held, wanted):
            yield ReplaceSet(ipset_of(name, _during(held, wanted)))
            continue
        if wanted.entries is not held.entries:
            for entry in sorted(wanted.entries - held.entries):
                yield AddEntry(name, entry)


def _gone_entries(current: IPVSState, desired: IPVSState) -> Iterator[Operation]:
    for name, held in current.ipsets.items():
        wanted = desired.ipsets.get(name)
        if wanted is None:
            yield DestroySet(name)
            continue
        replaced = _during(held, wanted) if _needs_replacing(held, wanted) else held
        if wanted.entries is not replaced.entries:
            for entry in sorted(replaced.entries - wanted.entries):
                yield RemoveEntry(name, entry)


def _needs_replacing(held: HeldSet, wanted: HeldSet) -> bool:
    """Whether entries cannot simply be added: the set is of another size, or would overflow."""
    if held.elements_max != wanted.elements_max or held.type != wanted.type:
        return True
    return wanted.elements_max is not None and not _fits(held, wanted)


def _fits(held: HeldSet, wanted: HeldSet) -> bool:
    limit = wanted.elements_max
    if limit is None or len(held.entries) + len(wanted.entries) <= limit:
        return True
    return len(held.entries | wanted.entries) <= limit


def _during(held: HeldSet, wanted: HeldSet) -> HeldSet:
    """Keep old entries beside the new ones for the time being, where there is room for them."""
    if held.type != wanted.type or not _fits(held, wanted):
        return wanted
    return replace(wanted, entries=held.entries | wanted.entries)


def _interim_netfilters(current: IPVSState, desired: IPVSState) -> list[Netfilter]:
    """Give rules that serve both what is still there and what is coming."""
    interims: list[Netfilter] = []
    for family, wanted in sorted(desired.netfilters.items()):
        held = current.netfilters.get(family)
        if held is None or held == wanted:
            interims.append(wanted)
            continue
        occupied = wanted.occupied | held.occupied
        rejecting = tuple(sorted({*wanted.rejecting, *held.rejecting}))
        interims.append(replace(wanted, occupied=occupied, rejecting=rejecting))
    return interims


def _final_netfilters(
    current: IPVSState, desired: IPVSState, interims: list[Netfilter]
) -> Iterator[Operation]:
    for interim in interims:
        wanted = desired.netfilters[interim.family]
        if wanted != interim:
            yield ReplaceNetfilter(wanted)
    for family in sorted(current.netfilters):
        if family not in desired.netfilters:
            yield RemoveNetfilter(family)


@dataclass(frozen=True, slots=True)
class _Servers:
    """The differences between virtual servers, each kind in order of their keys."""

    current: Mapping[ServerKey, VirtualServer]
    desired: Mapping[ServerKey, VirtualServer]
    idle: Collection[RealServerKey]

    def new(self) -> Iterator[Operation]:
        for key, wanted in _by_key(self.desired):
            held = self.current.get(key)
            if held is wanted:
                continue
            if held is None:
                yield AddVirtualServer(wanted._replace(real_servers=()))
            elif held.settings != wanted.settings:
                yield EditVirtualServer(wanted._replace(real_servers=()))
            weights = _weights(held)
            for destination in wanted.real_servers:
                weight = weights.get(destination.address_and_port)
                if weight is None:
                    yield AddRealServer(key, destination)
                elif weight != destination.weight:
                    yield SetWeight(key, destination)

    def unwanted(self) -> Iterator[Operation]:
        """Remove real servers: TCP drains first, the others lose their flows either way."""
        for key, held in _by_key(self.current):
            wanted = self.desired.get(key)
            if wanted is None or wanted is held:
                continue
            kept = _weights(wanted)
            for destination in held.real_servers:
                if destination.address_and_port not in kept:
                    yield from self._removal(key, destination)

    def gone(self) -> Iterator[Operation]:
        for key in sorted(self.current):
            if key not in self.desired:
                yield RemoveVirtualServer(key)

    def _removal(self, key: ServerKey, destination: Destination) -> Iterator[Operation]:
        place, weight = destination[:2], destination[2]
        drains = key.protocol == Protocol.TCP
        if drains and RealServerKey(key, *place) in self.idle:
            drains = False
        if drains and weight != 0:
            yield DrainRealServer(key, place)
        yield RemoveRealServer(key, place, drains)


def _weights(server: VirtualServer | None) -> dict[tuple[str, int], int]:
    if server is None:
        return {}
    return {(address, port): weight for address, port, weight in server.real_servers}


def _by_key(servers: Mapping[ServerKey, VirtualServer]) -> list[tuple[ServerKey, VirtualServer]]:
    return sorted(servers.items(), key=lambda entry: entry[0])
