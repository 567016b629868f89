"""What a node in IPVS mode holds, and the single steps from one such state to another.

    IPVSRules -> IPVSState
    IPVSState, Operation -> IPVSState   (``apply`` refuses a step out of order)

Which steps to take is ``plan``'s affair, how a kernel is told them ``batches``'.  The API documents
operations by their docstrings, and names them and their fields as here.
Source: spec ipvs 6 and 7.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from app.domain.addresses import IPFamily
from app.domain.dataplane.ipvs.ipsets import IPSet, SetType
from app.domain.dataplane.ipvs.iptables import Netfilter
from app.domain.dataplane.ipvs.state import IPVSRules
from app.domain.dataplane.ipvs.virtual_server import ServerKey, VirtualServer
from app.domain.dataplane.rules.model import Destination

Place = tuple[str, int]
"""Address and port of a real server: what identifies it within its virtual server."""


class RealServerKey(NamedTuple):
    """Identity of a real server within the kernel."""

    server: ServerKey
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class HeldSet:
    """A set as the kernel holds it; ``elements_max`` None for a bitmap."""

    type: SetType
    family: str
    elements_max: int | None
    entries: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class IPVSState:
    """All that a node holds for Services; empty is a node that was never told anything."""

    sysctls: Mapping[str, str] = field(default_factory=dict[str, str])
    has_interface: bool = False
    addresses: frozenset[str] = frozenset()
    ipsets: Mapping[str, HeldSet] = field(default_factory=dict[str, HeldSet])
    netfilters: Mapping[IPFamily, Netfilter] = field(default_factory=dict[IPFamily, Netfilter])
    servers: Mapping[ServerKey, VirtualServer] = field(
        default_factory=dict[ServerKey, VirtualServer]
    )


def state_of(rules: IPVSRules) -> IPVSState:
    """Give the state in which a node has been told everything."""
    return IPVSState(
        sysctls=dict(rules.sysctls),
        has_interface=True,
        addresses=frozenset(rules.addresses),
        ipsets={ipset.name: held_set(ipset) for ipset in rules.ipsets},
        netfilters={netfilter.family: netfilter for netfilter in rules.netfilters},
        servers={server.key: server for server in rules.virtual_servers},
    )


def held_set(ipset: IPSet) -> HeldSet:
    """Give a set as the kernel holds it."""
    return HeldSet(ipset.type, ipset.family, ipset.elements_max, frozenset(ipset.entries))


def ipset_of(name: str, held: HeldSet) -> IPSet:
    """Give a held set as rules describe it."""
    return IPSet(name, held.type, held.family, tuple(sorted(held.entries)), held.elements_max)


@dataclass(frozen=True, slots=True)
class SetSysctl:
    """Give a kernel setting a value."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class CreateInterface:
    """Make the dummy interface."""

    name: str
    """It holds the virtual addresses, and stays down."""


@dataclass(frozen=True, slots=True)
class RemoveInterface:
    """Remove the dummy interface."""

    name: str


@dataclass(frozen=True, slots=True)
class CreateSet:
    """Make a set, still empty."""

    ipset: IPSet


@dataclass(frozen=True, slots=True)
class ReplaceSet:
    """Replace a set and its content in one step."""

    ipset: IPSet
    """It is replaced when it must hold more than it can."""


@dataclass(frozen=True, slots=True)
class DestroySet:
    """Remove a set."""

    name: str
    """No rule refers to it any more."""


@dataclass(frozen=True, slots=True)
class AddEntry:
    """Put an entry into a set."""

    name: str
    entry: str


@dataclass(frozen=True, slots=True)
class RemoveEntry:
    """Take an entry out of a set."""

    name: str
    entry: str


@dataclass(frozen=True, slots=True)
class ReplaceNetfilter:
    """Replace the iptables rules of one family."""

    netfilter: Netfilter


@dataclass(frozen=True, slots=True)
class RemoveNetfilter:
    """Remove the iptables rules of a family that is not served any more."""

    family: IPFamily


@dataclass(frozen=True, slots=True)
class AddVirtualServer:
    """Make a virtual server, without real servers yet."""

    server: VirtualServer


@dataclass(frozen=True, slots=True)
class EditVirtualServer:
    """Change a virtual server in place; connections survive."""

    server: VirtualServer


@dataclass(frozen=True, slots=True)
class RemoveVirtualServer:
    """Remove a virtual server with what real servers it still has."""

    key: ServerKey


@dataclass(frozen=True, slots=True)
class AddRealServer:
    """Give a virtual server one more real server."""

    key: ServerKey
    destination: Destination


@dataclass(frozen=True, slots=True)
class SetWeight:
    """Change the weight of a real server."""

    key: ServerKey
    destination: Destination
    """One that was drained gets its weight back when it is wanted again."""


@dataclass(frozen=True, slots=True)
class DrainRealServer:
    """Send no new connections to a real server."""

    key: ServerKey
    place: Place
    """It will be removed."""


@dataclass(frozen=True, slots=True)
class RemoveRealServer:
    """Remove a real server, at once or when its connections have ended."""

    key: ServerKey
    place: Place
    when_drained: bool
    """The agent waits, at most until a deadline of its own, for its connections to end.

    It forgets about the removal when the real server becomes wanted again.
    """


@dataclass(frozen=True, slots=True)
class BindAddress:
    """Put an address on the dummy interface."""

    address: str


@dataclass(frozen=True, slots=True)
class UnbindAddress:
    """Take an address off the dummy interface."""

    address: str


SetOperation = CreateSet | ReplaceSet | DestroySet | AddEntry | RemoveEntry
ServerOperation = (
    AddVirtualServer
    | EditVirtualServer
    | RemoveVirtualServer
    | AddRealServer
    | SetWeight
    | DrainRealServer
    | RemoveRealServer
)
InterfaceOperation = CreateInterface | RemoveInterface | BindAddress | UnbindAddress
NetfilterOperation = ReplaceNetfilter | RemoveNetfilter
# In the order of their definition, in which the API lists them.
Operation = (
    SetSysctl
    | CreateInterface
    | RemoveInterface
    | SetOperation
    | NetfilterOperation
    | ServerOperation
    | InterfaceOperation
)
