"""What differs between a node's virtual servers and its rules, and what repairs it.

    observed servers, IPVSRules, the addresses that are ours -> Drift

Servers at other addresses belong to somebody else: they are listed, never touched.
Source: contract.md, ``PUT /nodes/{name}/ipvs/observed``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from app.domain.addresses import Prefix, parse_address
from app.domain.dataplane.ipvs import operations as op
from app.domain.dataplane.ipvs.operations import Operation, state_of
from app.domain.dataplane.ipvs.plan import plan
from app.domain.dataplane.ipvs.state import IPVSRules
from app.domain.dataplane.ipvs.virtual_server import ServerKey, VirtualServer
from app.domain.dataplane.rules.model import Destination


class DifferenceReason(StrEnum):
    """In what way a node differs."""

    MISSING_VIRTUAL_SERVER = "MissingVirtualServer"
    UNEXPECTED_VIRTUAL_SERVER = "UnexpectedVirtualServer"
    CHANGED_VIRTUAL_SERVER = "ChangedVirtualServer"
    MISSING_REAL_SERVER = "MissingRealServer"
    UNEXPECTED_REAL_SERVER = "UnexpectedRealServer"
    CHANGED_WEIGHT = "ChangedWeight"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference; ``destination`` is the real server that is meant, wanted or found."""

    reason: DifferenceReason
    key: ServerKey
    destination: Destination | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """All differences of a node, and the operations that repair them in a safe order."""

    differences: tuple[Difference, ...] = ()
    operations: tuple[Operation, ...] = ()
    foreign: tuple[ServerKey, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownership:
    """Which addresses are Waypost's: its ranges, and on the node itself the node ports."""

    prefixes: Sequence[Prefix]
    node_addresses: frozenset[str]
    node_ports: range

    def holds(self, key: ServerKey) -> bool:
        """Whether a virtual server that was not asked for is ours to remove."""
        if key.address in self.node_addresses:
            return key.port in self.node_ports
        address = parse_address(key.address)
        return address is not None and any(address in prefix for prefix in self.prefixes)


def drift(
    observed: Mapping[ServerKey, VirtualServer], rules: IPVSRules, ownership: Ownership
) -> Drift:
    """Compare what was observed with the rules."""
    desired = state_of(rules)
    ours = {
        key: server
        for key, server in observed.items()
        if key in desired.servers or ownership.holds(key)
    }
    operations = plan(replace(desired, servers=ours), desired)
    return Drift(
        differences=tuple(_differences(operations)),
        operations=operations,
        foreign=tuple(sorted(observed.keys() - ours.keys())),
    )


def _differences(operations: Sequence[Operation]) -> Iterator[Difference]:
    for operation in operations:
        match operation:
            case op.AddVirtualServer(server):
                yield Difference(DifferenceReason.MISSING_VIRTUAL_SERVER, server.key)
            case op.EditVirtualServer(server):
                yield Difference(DifferenceReason.CHANGED_VIRTUAL_SERVER, server.key)
            case op.RemoveVirtualServer(key):
                yield Difference(DifferenceReason.UNEXPECTED_VIRTUAL_SERVER, key)
            case op.AddRealServer(key, real):
                yield Difference(DifferenceReason.MISSING_REAL_SERVER, key, real)
            case op.SetWeight(key, real):
                yield Difference(DifferenceReason.CHANGED_WEIGHT, key, real)
            case op.RemoveRealServer(key, place, _):
                yield Difference(DifferenceReason.UNEXPECTED_REAL_SERVER, key, Destination(*place))
            case _:
                pass  # a drain announces a removal that is listed
