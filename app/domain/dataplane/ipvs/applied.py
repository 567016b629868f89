"""What a state becomes when an operation is applied to it, as a kernel would have it.

    IPVSState, operations -> IPVSState

A step that does not fit raises ``OutOfOrder``: a real server without its virtual
server, an address bound before anything answers at it, a filter rule about a set
that is not there.  The agent's sink in memory and the tests of plans stand on this.
"""

from collections.abc import Iterable
from dataclasses import replace

from app.domain.addresses import IPFamily
from app.domain.dataplane.ipvs import operations as op
from app.domain.dataplane.ipvs.ipsets import SetName, kernel_name
from app.domain.dataplane.ipvs.operations import IPVSState, Operation, held_set
from app.domain.dataplane.ipvs.virtual_server import VirtualServer
from app.domain.dataplane.rules.address_numbers import ordered
from app.domain.dataplane.rules.model import Destination
from app.domain.dataplane.rules.order import OutOfOrder


def apply(operations: Iterable[Operation], state: IPVSState) -> IPVSState:
    """Take every step at once; removals that wait for connections find them ended.

    Raises OutOfOrder when the state does not allow a step.
    """
    for operation in operations:
        state = _applied(operation, state)
    return state


def _applied(operation: Operation, state: IPVSState) -> IPVSState:
    match operation:
        case op.SetSysctl(name, value):
            return replace(state, sysctls={**state.sysctls, name: value})
        case op.CreateSet() | op.ReplaceSet() | op.DestroySet() | op.AddEntry() | op.RemoveEntry():
            return _to_sets(operation, state)
        case op.CreateInterface() | op.RemoveInterface() | op.BindAddress() | op.UnbindAddress():
            return _to_interface(operation, state)
        case op.ReplaceNetfilter() | op.RemoveNetfilter():
            return _to_netfilter(operation, state)
        case _:
            return _to_servers(operation, state)


def _to_sets(operation: op.SetOperation, state: IPVSState) -> IPVSState:
    sets = dict(state.ipsets)
    match operation:
        case op.CreateSet(ipset):
            _require(ipset.name not in sets, operation)
            sets[ipset.name] = held_set(ipset)
        case op.ReplaceSet(ipset):
            _require(ipset.name in sets, operation)
            sets[ipset.name] = held_set(ipset)
        case op.DestroySet(name):
            referred = {each for family in state.netfilters for each in _names(family)}
            _require(name in sets and name not in referred, operation)
            del sets[name]
        case op.AddEntry(name, entry):
            _require(name in sets and entry not in sets[name].entries, operation)
            held = sets[name]
            sets[name] = replace(held, entries=held.entries | {entry})
            limit = held.elements_max
            _require(limit is None or len(sets[name].entries) <= limit, operation)
        case op.RemoveEntry(name, entry):
            _require(name in sets and entry in sets[name].entries, operation)
            sets[name] = replace(sets[name], entries=sets[name].entries - {entry})
    return replace(state, ipsets=sets)


def _to_interface(operation: op.InterfaceOperation, state: IPVSState) -> IPVSState:
    match operation:
        case op.CreateInterface():
            _require(not state.has_interface, operation)
            return replace(state, has_interface=True)
        case op.RemoveInterface():
            _require(state.has_interface and not state.addresses, operation)
            return replace(state, has_interface=False)
        case op.BindAddress(address):
            _require(state.has_interface and address not in state.addresses, operation)
            _require(any(key.address == address for key in state.servers), operation)
            return replace(state, addresses=state.addresses | {address})
        case op.UnbindAddress(address):
            _require(address in state.addresses, operation)
            return replace(state, addresses=state.addresses - {address})


def _to_netfilter(operation: op.NetfilterOperation, state: IPVSState) -> IPVSState:
    match operation:
        case op.ReplaceNetfilter(netfilter):
            _require(_names(netfilter.family) <= state.ipsets.keys(), operation)
            return replace(state, netfilters={**state.netfilters, netfilter.family: netfilter})
        case op.RemoveNetfilter(family):
            _require(family in state.netfilters, operation)
            kept = {f: rules for f, rules in state.netfilters.items() if f is not family}
            return replace(state, netfilters=kept)


def _to_servers(operation: op.ServerOperation, state: IPVSState) -> IPVSState:
    servers = dict(state.servers)
    match operation:
        case op.AddVirtualServer(server):
            _require(server.key not in servers and not server.real_servers, operation)
            _require(server.key.family in state.netfilters, operation)
            servers[server.key] = server
        case op.EditVirtualServer(server):
            _require(server.key in servers, operation)
            real_servers = servers[server.key].real_servers
            servers[server.key] = server._replace(real_servers=real_servers)
        case op.RemoveVirtualServer(key):
            _require(key in servers, operation)
            del servers[key]
        case _:
            servers[operation.key] = _to_real_servers(operation, state)
    return replace(state, servers=servers)


def _to_real_servers(
    operation: op.AddRealServer | op.SetWeight | op.DrainRealServer | op.RemoveRealServer,
    state: IPVSState,
) -> VirtualServer:
    held = state.servers.get(operation.key)
    if held is None:
        raise OutOfOrder(operation)
    weights = held.weights()
    match operation:
        case op.AddRealServer(_, real) | op.SetWeight(_, real):
            is_new = isinstance(operation, op.AddRealServer)
            _require((real.address_and_port in weights) is not is_new, operation)
            weights[real.address_and_port] = real.weight
        case op.DrainRealServer(_, place):
            _require(weights.get(place, 0) != 0, operation)
            weights[place] = 0
        case op.RemoveRealServer(_, place, when_drained):
            _require(place in weights, operation)
            _require(not when_drained or weights[place] == 0, operation)
            del weights[place]
    places = sorted(weights, key=lambda place: (ordered(place[0]), place[1]))
    real_servers = tuple(Destination(*place, weights[place]) for place in places)
    return held._replace(real_servers=real_servers)


def _names(family: IPFamily) -> set[str]:
    return {kernel_name(name, family) for name in SetName}


def _require(condition: bool, operation: Operation) -> None:  # noqa: FBT001  it reads as a law
    if not condition:
        raise OutOfOrder(operation)
