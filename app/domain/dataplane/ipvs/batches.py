"""Operations as input for the programs that tell a Linux kernel, one process a batch.

    operations -> Batch, Batch, …   (neighbours for the same program share one)

The order of operations is kept, so a plan needs each program once on the way in
and, if something goes away, once on the way out.  Running them is the agent's affair.

Source: spec ipvs 9; 7, "do better" (b).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import assert_never

from app.domain.addresses import IPFamily
from app.domain.dataplane.ipvs import operations as op
from app.domain.dataplane.ipvs.ipsets import create_line, encode_swap
from app.domain.dataplane.ipvs.iptables import encode_netfilter, jump_commands, removal_commands
from app.domain.dataplane.ipvs.ipvsadm import endpoint, service_option, settings_options
from app.domain.dataplane.ipvs.operations import Operation
from app.domain.dataplane.rules.model import DUMMY_INTERFACE


class Program(StrEnum):
    """A command line that reads a batch from standard input."""

    SYSCTL = "sysctl -p -"
    IP = "ip -batch -"
    IPSET = "ipset restore"
    IPTABLES = "iptables-restore --noflush -w"
    IP6TABLES = "ip6tables-restore --noflush -w"
    SHELL = "sh"
    IPVSADM = "ipvsadm --restore"


RESTORERS = {IPFamily.IPV4: Program.IPTABLES, IPFamily.IPV6: Program.IP6TABLES}


@dataclass(frozen=True, slots=True)
class Batch:
    """Input for one run of a program; ``when_drained`` ones wait for connections to end."""

    program: Program
    text: str
    when_drained: bool = False


def batches(operations: Iterable[Operation]) -> list[Batch]:
    """Say operations in the words of programs, in order."""
    pieces = [piece for operation in operations for piece in _pieces(operation)]
    return [
        Batch(program, "".join(f"{line}\n" for _, line, _ in group), waits)
        for (program, waits), group in groupby(pieces, key=lambda piece: (piece[0], piece[2]))
    ]


_Piece = tuple[Program, str, bool]


def _pieces(operation: Operation) -> Iterator[_Piece]:
    match operation:
        case op.SetSysctl(name, value):
            yield Program.SYSCTL, f"{name} = {value}", False
        case op.CreateSet() | op.ReplaceSet() | op.DestroySet() | op.AddEntry() | op.RemoveEntry():
            yield Program.IPSET, set_line(operation), False
        case op.CreateInterface() | op.RemoveInterface() | op.BindAddress() | op.UnbindAddress():
            yield Program.IP, interface_line(operation), False
        case op.ReplaceNetfilter(netfilter):
            yield RESTORERS[netfilter.family], encode_netfilter(netfilter).rstrip(), False
            yield Program.SHELL, "\n".join(jump_commands(netfilter.family)), False
        case op.RemoveNetfilter(family):
            yield Program.SHELL, "\n".join(removal_commands(family)), False
        case op.RemoveRealServer(_, _, when_drained):
            yield Program.IPVSADM, server_line(operation), when_drained
        case _:
            yield Program.IPVSADM, server_line(operation), False


def set_line(operation: op.SetOperation) -> str:
    """Write an operation as a line of ``ipset restore``; replacing a set takes several."""
    match operation:
        case op.CreateSet(ipset):
            return create_line(ipset)
        case op.ReplaceSet(ipset):
            return encode_swap(ipset).rstrip()
        case op.DestroySet(name):
            return f"destroy {name}"
        case op.AddEntry(name, entry):
            return f"add {name} {entry} -exist"
        case op.RemoveEntry(name, entry):
            return f"del {name} {entry} -exist"
        case _:
            assert_never(operation)


def interface_line(operation: op.InterfaceOperation) -> str:
    """Write an operation as a line of ``ip -batch``."""
    match operation:
        case op.CreateInterface(name):
            return f"link add {name} type dummy"
        case op.RemoveInterface(name):
            return f"link del {name}"
        case op.BindAddress(address):
            return f"addr replace {with_mask(address)} dev {DUMMY_INTERFACE}"
        case op.UnbindAddress(address):
            return f"addr del {with_mask(address)} dev {DUMMY_INTERFACE}"
        case _:
            assert_never(operation)


def server_line(operation: op.ServerOperation) -> str:
    """Write an operation as a line of ``ipvsadm --restore``."""
    match operation:
        case op.AddVirtualServer(server):
            return f"-A {service_option(server.key)} {settings_options(server)}"
        case op.EditVirtualServer(server):
            return f"-E {service_option(server.key)} {settings_options(server)}"
        case op.RemoveVirtualServer(key):
            return f"-D {service_option(key)}"
        case op.RemoveRealServer(key, place, _):
            return f"-d {service_option(key)} -r {endpoint(*place)}"
        case _:
            return _weighed_line(operation)


def _weighed_line(operation: op.AddRealServer | op.SetWeight | op.DrainRealServer) -> str:
    match operation:
        case op.AddRealServer(key, (address, port, weight)):
            letter = "-a"
        case op.SetWeight(key, (address, port, weight)):
            letter = "-e"
        case op.DrainRealServer(key, (address, port)):
            letter, weight = "-e", 0
    return f"{letter} {service_option(key)} -r {endpoint(address, port)} -m -w {weight}"


def with_mask(address: str) -> str:
    """Write an address with the prefix length of a single one."""
    return f"{address}/128" if ":" in address else f"{address}/32"
