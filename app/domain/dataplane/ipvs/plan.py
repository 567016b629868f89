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
from dataclasses import replace
from operator import itemgetter
from typing import Final, NamedTuple

from app.domain.dataplane.ipvs import operations as op
from app.domain.dataplane.ipvs.operations import (
    HeldSet,
    IPVSState,
    Operation,
    RealServerKey,
    ipset_of,
)
from app.domain.dataplane.ipvs.virtual_server import ServerKey, VirtualServer
from app.domain.dataplane.rules.address_numbers import ordered
from app.domain.dataplane.rules.model import DUMMY_INTERFACE, Destination
from app.domain.objects.service import Protocol

_KEY: Final = itemgetter(0)


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
    sets, rules = _set_changes(current, desired), _netfilter_changes(current, desired)
    closing = (*rules.closing, *sets.closing)
    if current.has_interface and not desired.has_interface:
        closing = (*closing, op.RemoveInterface(DUMMY_INTERFACE))
    return Bracket((*_sysctls(current, desired), *sets.opening, *rules.opening), closing)


def plan_virtual_servers(
    current: IPVSState, desired: IPVSState, *, idle: Collection[RealServerKey] = ()
) -> Bracket:
    """Plan what attracts traffic; what waits for connections to end closes everything."""
    opening = list(_new_servers(current.servers, desired.servers))
    if desired.has_interface and not current.has_interface:
        opening.append(op.CreateInterface(DUMMY_INTERFACE))
    opening += map(op.BindAddress, _in_order(desired.addresses - current.addresses))
    drains: list[Operation] = []
    at_once: list[Operation] = []
    when_drained: list[Operation] = []
    for key, destination in _unwanted(current.servers, desired.servers):
        place = destination.address_and_port
        # TCP drains first, the others lose their flows either way.
        waits = key.protocol == Protocol.TCP and RealServerKey(key, *place) not in idle
        if waits and destination.weight != 0:
            drains.append(op.DrainRealServer(key, place))
        (when_drained if waits else at_once).append(op.RemoveRealServer(key, place, waits))
    opening += drains + at_once
    opening += map(op.RemoveVirtualServer, sorted(current.servers.keys() - desired.servers.keys()))
    opening += map(op.UnbindAddress, _in_order(current.addresses - desired.addresses))
    return Bracket(tuple(opening), tuple(when_drained))


def _in_order(addresses: Collection[str]) -> list[str]:
    return sorted(addresses, key=lambda address: (":" in address, ordered(address)))


def _sysctls(current: IPVSState, desired: IPVSState) -> Iterator[Operation]:
    """Set what differs; settings that are no longer wanted stay, for others may rely on them."""
    for name, value in sorted(desired.sysctls.items()):
        if current.sysctls.get(name) != value:
            yield op.SetSysctl(name, value)


def _set_changes(current: IPVSState, desired: IPVSState) -> Bracket:
    """Add entries, or replace sets that they do not fit into; remove the others at the end."""
    opening: list[Operation] = []
    closing: list[Operation] = []
    for name, wanted in desired.ipsets.items():
        held = current.ipsets.get(name)
        if held is None:
            held = replace(wanted, entries=frozenset())
            opening.append(op.CreateSet(ipset_of(name, held)))
        elif (
            held.elements_max != wanted.elements_max
            or held.type != wanted.type
            or not _fits(held, wanted)
        ):
            held = _during(held, wanted)
            opening.append(op.ReplaceSet(ipset_of(name, held)))
        if wanted.entries is not held.entries:
            opening += [op.AddEntry(name, each) for each in sorted(wanted.entries - held.entries)]
            closing += [
                op.RemoveEntry(name, each) for each in sorted(held.entries - wanted.entries)
            ]
    closing += [op.DestroySet(name) for name in current.ipsets if name not in desired.ipsets]
    return Bracket(tuple(opening), tuple(closing))


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


def _netfilter_changes(current: IPVSState, desired: IPVSState) -> Bracket:
    """Replace rules first by such as serve both what is still there and what is coming."""
    opening: list[Operation] = []
    closing: list[Operation] = []
    for family, wanted in sorted(desired.netfilters.items()):
        held = current.netfilters.get(family)
        interim = wanted
        if held is not None and held != wanted:
            occupied = wanted.occupied | held.occupied
            rejecting = tuple(sorted({*wanted.rejecting, *held.rejecting}))
            interim = replace(wanted, occupied=occupied, rejecting=rejecting)
        if interim != held:
            opening.append(op.ReplaceNetfilter(interim))
        if interim != wanted:
            closing.append(op.ReplaceNetfilter(wanted))
    closing += map(
        op.RemoveNetfilter, sorted(current.netfilters.keys() - desired.netfilters.keys())
    )
    return Bracket(tuple(opening), tuple(closing))


def _new_servers(
    current: Mapping[ServerKey, VirtualServer], desired: Mapping[ServerKey, VirtualServer]
) -> Iterator[Operation]:
    for key, wanted in sorted(desired.items(), key=_KEY):
        held = current.get(key)
        if held is wanted:
            continue
        if held is None:
            yield op.AddVirtualServer(wanted._replace(real_servers=()))
        elif held.settings != wanted.settings:
            yield op.EditVirtualServer(wanted._replace(real_servers=()))
        weights = {} if held is None else held.weights()
        for destination in wanted.real_servers:
            weight = weights.get(destination.address_and_port)
            if weight is None:
                yield op.AddRealServer(key, destination)
            elif weight != destination.weight:
                yield op.SetWeight(key, destination)


def _unwanted(
    current: Mapping[ServerKey, VirtualServer], desired: Mapping[ServerKey, VirtualServer]
) -> Iterator[tuple[ServerKey, Destination]]:
    """List the real servers that virtual servers lose; those of one that goes go with it."""
    for key, held in sorted(current.items(), key=_KEY):
        wanted = desired.get(key)
        if wanted is None or wanted is held:
            continue
        kept = wanted.weights()
        for destination in held.real_servers:
            if destination.address_and_port not in kept:
                yield key, destination
