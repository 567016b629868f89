"""Operations as JSON and back.

    operations -> JSON that ``Operation`` describes -> operations

Source: contract.md, "GET /nodes/{name}/ipvs/changes".
"""

from collections.abc import Iterable
from typing import assert_never

from app.domain.dataplane.ipvs import operations as domain
from app.domain.dataplane.ipvs.batches import Program, batches
from app.domain.dataplane.ipvs.drift import Difference, Drift
from app.domain.dataplane.ipvs.virtual_server import ServerKey, VirtualServer
from app.domain.dataplane.rules.model import Destination
from app.schemas.rules import operations as wire
from app.schemas.rules.codec import (
    decode_destination,
    decode_ipset,
    decode_key,
    decode_netfilter,
    dump,
    encode_ipset,
    encode_netfilter,
)
from app.schemas.rules.models import ServerAddress


def encode_operation_list(operations: Iterable[domain.Operation]) -> str:
    """Write operations as the inside of a JSON array, to stand beside that of others."""
    return ",".join([dump(encode_operation(operation)) for operation in operations])


def encode_drift(drift: Drift) -> dict[str, object]:
    """Spell how a node differs, and what mends it."""
    commands = {False: "", True: ""}
    for batch in batches(drift.operations):
        if batch.program is Program.IPVSADM:
            commands[batch.when_drained] += batch.text
    return {
        "inSync": not drift.differences,
        "differences": [_difference(difference) for difference in drift.differences],
        "foreign": [encode_key(key) for key in drift.foreign],
        "operations": [encode_operation(operation) for operation in drift.operations],
        "commands": commands[False],
        "commandsWhenDrained": commands[True],
    }


def _difference(difference: Difference) -> dict[str, object]:
    shown: dict[str, object] = {
        "reason": difference.reason,
        "virtualServer": encode_key(difference.key),
    }
    if difference.destination is not None:
        shown["realServer"] = encode_real(difference.destination)
    return shown


def encode_operation(operation: domain.Operation) -> dict[str, object]:
    """Spell one operation."""
    match operation:
        case domain.SetSysctl(name, value):
            shown: dict[str, object] = {"name": name, "value": value}
        case domain.CreateInterface(name) | domain.RemoveInterface(name):
            shown = {"name": name}
        case domain.BindAddress(address) | domain.UnbindAddress(address):
            shown = {"address": address}
        case domain.ReplaceNetfilter(netfilter):
            shown = {"netfilter": encode_netfilter(netfilter)}
        case domain.RemoveNetfilter(family):
            shown = {"family": family}
        case (
            domain.CreateSet()
            | domain.ReplaceSet()
            | domain.DestroySet()
            | domain.AddEntry()
            | domain.RemoveEntry()
        ):
            shown = _set_operation(operation)
        case _:
            shown = _server_operation(operation)
    return {"op": operation.op, **shown}


def _set_operation(operation: domain.SetOperation) -> dict[str, object]:
    match operation:
        case domain.CreateSet(ipset) | domain.ReplaceSet(ipset):
            return {"ipset": encode_ipset(ipset)}
        case domain.DestroySet(name):
            return {"name": name}
        case domain.AddEntry(name, entry) | domain.RemoveEntry(name, entry):
            return {"name": name, "entry": entry}
        case _:
            assert_never(operation)


def _server_operation(operation: domain.ServerOperation) -> dict[str, object]:
    match operation:
        case domain.AddVirtualServer(server) | domain.EditVirtualServer(server):
            return {"virtualServer": _settings(server)}
        case domain.RemoveVirtualServer(key):
            return {"virtualServer": encode_key(key)}
        case domain.AddRealServer(key, destination) | domain.SetWeight(key, destination):
            return {"virtualServer": encode_key(key), "realServer": encode_real(destination)}
        case domain.DrainRealServer(key, address, port):
            return {"virtualServer": encode_key(key), "realServer": _place(address, port)}
        case domain.RemoveRealServer(key, address, port, when_drained):
            real = _place(address, port)
            shown: dict[str, object] = {"virtualServer": encode_key(key), "realServer": real}
            return {**shown, "whenDrained": when_drained}
        case _:
            assert_never(operation)


def encode_key(key: ServerKey) -> dict[str, object]:
    """Spell which virtual server is meant."""
    return {"address": key.address, "port": key.port, "protocol": key.protocol}


def encode_real(destination: Destination) -> dict[str, object]:
    """Spell a real server."""
    address, port, weight = destination
    return {"address": address, "port": port, "weight": weight, "forwarding": "masquerade"}


def decode_operations(operations: Iterable[wire.Operation]) -> tuple[domain.Operation, ...]:
    """Read operations."""
    return tuple(_decoded(operation) for operation in operations)


def _decoded(operation: wire.Operation) -> domain.Operation:
    match operation:
        case wire.SetSysctl():
            return domain.SetSysctl(operation.name, operation.value)
        case wire.ReplaceNetfilter() | wire.RemoveNetfilter():
            return _decoded_netfilter(operation)
        case (
            wire.CreateInterface()
            | wire.RemoveInterface()
            | wire.BindAddress()
            | wire.UnbindAddress()
        ):
            return _decoded_interface(operation)
        case (
            wire.CreateSet()
            | wire.ReplaceSet()
            | wire.DestroySet()
            | wire.AddEntry()
            | wire.RemoveEntry()
        ):
            return _decoded_set(operation)
        case wire.AddVirtualServer() | wire.EditVirtualServer() | wire.RemoveVirtualServer():
            return _decoded_virtual(operation)
        case _:
            return _decoded_real(operation)


def _decoded_netfilter(
    operation: wire.ReplaceNetfilter | wire.RemoveNetfilter,
) -> domain.NetfilterOperation:
    match operation:
        case wire.ReplaceNetfilter():
            return domain.ReplaceNetfilter(decode_netfilter(operation.netfilter))
        case wire.RemoveNetfilter():
            return domain.RemoveNetfilter(operation.family)


def _decoded_interface(
    operation: wire.CreateInterface | wire.RemoveInterface | wire.BindAddress | wire.UnbindAddress,
) -> domain.InterfaceOperation:
    match operation:
        case wire.CreateInterface():
            return domain.CreateInterface(operation.name)
        case wire.RemoveInterface():
            return domain.RemoveInterface(operation.name)
        case wire.BindAddress():
            return domain.BindAddress(operation.address)
        case wire.UnbindAddress():
            return domain.UnbindAddress(operation.address)


def _decoded_set(
    operation: wire.CreateSet
    | wire.ReplaceSet
    | wire.DestroySet
    | wire.AddEntry
    | wire.RemoveEntry,
) -> domain.SetOperation:
    match operation:
        case wire.CreateSet():
            return domain.CreateSet(decode_ipset(operation.ipset))
        case wire.ReplaceSet():
            return domain.ReplaceSet(decode_ipset(operation.ipset))
        case wire.DestroySet():
            return domain.DestroySet(operation.name)
        case wire.AddEntry():
            return domain.AddEntry(operation.name, operation.entry)
        case wire.RemoveEntry():
            return domain.RemoveEntry(operation.name, operation.entry)


def _decoded_virtual(
    operation: wire.AddVirtualServer | wire.EditVirtualServer | wire.RemoveVirtualServer,
) -> domain.ServerOperation:
    match operation:
        case wire.AddVirtualServer():
            return domain.AddVirtualServer(_decoded_settings(operation.virtual_server))
        case wire.EditVirtualServer():
            return domain.EditVirtualServer(_decoded_settings(operation.virtual_server))
        case wire.RemoveVirtualServer():
            return domain.RemoveVirtualServer(_key(operation.virtual_server))


def _decoded_real(
    operation: wire.AddRealServer | wire.SetWeight | wire.DrainRealServer | wire.RemoveRealServer,
) -> domain.ServerOperation:
    key, real = _key(operation.virtual_server), operation.real_server
    match operation:
        case wire.AddRealServer():
            return domain.AddRealServer(key, decode_destination(operation.real_server))
        case wire.SetWeight():
            return domain.SetWeight(key, decode_destination(operation.real_server))
        case wire.DrainRealServer():
            return domain.DrainRealServer(key, real.address, real.port)
        case wire.RemoveRealServer():
            return domain.RemoveRealServer(key, real.address, real.port, operation.when_drained)


def _settings(server: VirtualServer) -> dict[str, object]:
    return {
        **encode_key(server.key),
        "scheduler": server.scheduler,
        "flags": list(server.flags),
        "persistenceTimeoutSeconds": server.persistence_s,
    }


def _decoded_settings(server: wire.ServerSettings) -> VirtualServer:
    return VirtualServer(
        key=_key(server),
        scheduler=server.scheduler,
        flags=tuple(server.flags),
        persistence_s=server.persistence_timeout_seconds,
    )


def _key(server: ServerAddress) -> ServerKey:
    return decode_key(server.address, server.port, server.protocol)


def _place(address: str, port: int) -> dict[str, object]:
    return {"address": address, "port": port}
