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
from operator import itemgetter

from app.domain.addresses import IPFamily
from app.domain.dataplane.ipvs import operations as op
from app.domain.dataplane.ipvs.ipsets import create_line, encode_swap
from app.domain.dataplane.ipvs.iptables import encode_netfilter, jump_commands, removal_commands
from app.domain.dataplane.ipvs.ipvsadm import endpoint, service_option, settings_options
from app.domain.dataplane.ipvs.operations import Operation
from app.domain.dataplane.ipvs.virtual_server import ServerKey
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
    pieces = [
        (program, isinstance(operation, op.RemoveRealServer) and operation.when_drained, text)
        for operation in operations
        for program, text in _pieces(operation)
    ]
    return [
        Batch(program, "".join(f"{text}\n" for *_, text in group), waits)
        for (program, waits), group in groupby(pieces, key=itemgetter(0, 1))
    ]


def _pieces(operation: Operation) -> Iterator[tuple[Program, str]]:
    match operation:
        case op.SetSysctl(name, value):
            yield Program.SYSCTL, f"{name} = {value}"
        case op.CreateSet() | op.ReplaceSet() | op.DestroySet() | op.AddEntry() | op.RemoveEntry():
            yield Program.IPSET, _set_line(operation)
        case op.CreateInterface() | op.RemoveInterface() | op.BindAddress() | op.UnbindAddress():
            yield Program.IP, _interface_line(operation)
        case op.ReplaceNetfilter(netfilter):
            yield RESTORERS[netfilter.family], encode_netfilter(netfilter).rstrip()
            yield Program.SHELL, "\n".join(jump_commands(netfilter.family))
        case op.RemoveNetfilter(family):
            yield Program.SHELL, "\n".join(removal_commands(family))
        case _:
            yield Program.IPVSADM, _server_line(operation)


def _set_line(operation: op.SetOperation) -> str:
    """Write a line for ``ipset restore``; replacing a set takes several."""
    match operation:
        case op.CreateSet(ipset):
            return create_line(ipset, ipset.name)
        case op.ReplaceSet(ipset):
            return encode_swap(ipset).rstrip()
        case op.DestroySet(name):
            return f"destroy {name}"
        case op.AddEntry(name, entry):
            return f"add {name} {entry} -exist"
        case op.RemoveEntry(name, entry):
            return f"del {name} {entry} -exist"


def _interface_line(operation: op.InterfaceOperation) -> str:
    match operation:
        case op.CreateInterface(name):
            return f"link add {name} type dummy"
        case op.RemoveInterface(name):
            return f"link del {name}"
        case op.BindAddress(address):
            return f"addr replace {with_mask(address)} dev {DUMMY_INTERFACE}"
        case op.UnbindAddress(address):
            return f"addr del {with_mask(address)} dev {DUMMY_INTERFACE}"


def _server_line(operation: op.ServerOperation) -> str:
    match operation:
        case op.AddVirtualServer(server):
            line = f"-A {service_option(server.key)} {settings_options(server)}"
        case op.EditVirtualServer(server):
            line = f"-E {service_option(server.key)} {settings_options(server)}"
        case op.RemoveVirtualServer(key):
            line = f"-D {service_option(key)}"
        case op.AddRealServer(key, (address, port, weight)):
            line = f"-a {_real_server(key, address, port)} -m -w {weight}"
        case op.SetWeight(key, (address, port, weight)):
            line = f"-e {_real_server(key, address, port)} -m -w {weight}"
        case op.DrainRealServer(key, (address, port)):
            line = f"-e {_real_server(key, address, port)} -m -w 0"
        case op.RemoveRealServer(key, (address, port), _):
            line = f"-d {_real_server(key, address, port)}"
    return line


def _real_server(key: ServerKey, address: str, port: int) -> str:
    return f"{service_option(key)} -r {endpoint(address, port)}"


def with_mask(address: str) -> str:
    """Write an address with the prefix length of a single one."""
    return f"{address}/128" if ":" in address else f"{address}/32"
