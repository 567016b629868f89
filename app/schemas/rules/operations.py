"""The wire shapes of operations: the steps that lead a node from one state to another.

Each names itself in ``op``.  Source: contract.md, "GET /nodes/{name}/ipvs/changes".
"""

from typing import Annotated, Literal

from pydantic import Field

from app.domain.addresses import IPFamily
from app.schemas.base import Output, PortOrNone, Told
from app.schemas.rules.health_checks import HealthCheckOperation
from app.schemas.rules.models import (
    NODE_ELIGIBLE,
    Difference,
    IPSet,
    Netfilter,
    RealServer,
    ServerAddress,
)

_HEALTH_CHECKS = "What changes for the program that answers at health-check node ports."


class SetSysctl(Output):
    """Give a kernel setting a value."""

    op: Literal["SetSysctl"]
    name: str
    value: str


class CreateInterface(Output):
    """Make the dummy interface."""

    op: Literal["CreateInterface"]
    name: str


class RemoveInterface(Output):
    """Remove the dummy interface."""

    op: Literal["RemoveInterface"]
    name: str


class CreateSet(Output):
    """Make a set, still empty."""

    op: Literal["CreateSet"]
    ipset: IPSet


class ReplaceSet(Output):
    """Replace a set and its content in one step."""

    op: Literal["ReplaceSet"]
    ipset: IPSet


class DestroySet(Output):
    """Remove a set."""

    op: Literal["DestroySet"]
    name: str


class AddEntry(Output):
    """Put an entry into a set."""

    op: Literal["AddEntry"]
    name: str
    entry: str


class RemoveEntry(Output):
    """Take an entry out of a set."""

    op: Literal["RemoveEntry"]
    name: str
    entry: str


class ReplaceNetfilter(Output):
    """Replace the iptables rules of one family."""

    op: Literal["ReplaceNetfilter"]
    netfilter: Netfilter


class RemoveNetfilter(Output):
    """Remove the iptables rules of a family that is not served any more."""

    op: Literal["RemoveNetfilter"]
    family: IPFamily


class ServerSettings(ServerAddress):
    """A virtual server without its real servers."""

    scheduler: str
    flags: Told[str]
    persistence_timeout_seconds: int | None


class AddVirtualServer(Output):
    """Make a virtual server, without real servers yet."""

    op: Literal["AddVirtualServer"]
    virtual_server: ServerSettings


class EditVirtualServer(Output):
    """Change a virtual server in place; connections survive."""

    op: Literal["EditVirtualServer"]
    virtual_server: ServerSettings


class RemoveVirtualServer(Output):
    """Remove a virtual server with what real servers it still has."""

    op: Literal["RemoveVirtualServer"]
    virtual_server: ServerAddress


class AddRealServer(Output):
    """Give a virtual server one more real server."""

    op: Literal["AddRealServer"]
    virtual_server: ServerAddress
    real_server: RealServer


class SetWeight(Output):
    """Change the weight of a real server."""

    op: Literal["SetWeight"]
    virtual_server: ServerAddress
    real_server: RealServer


class RealServerAddress(Output):
    """What identifies a real server within a virtual one."""

    address: str
    port: PortOrNone


class DrainRealServer(Output):
    """Send no new connections to a real server."""

    op: Literal["DrainRealServer"]
    virtual_server: ServerAddress
    real_server: RealServerAddress


class RemoveRealServer(Output):
    """Remove a real server, at once or when its connections have ended."""

    op: Literal["RemoveRealServer"]
    virtual_server: ServerAddress
    real_server: RealServerAddress
    when_drained: bool


class BindAddress(Output):
    """Put an address on the dummy interface."""

    op: Literal["BindAddress"]
    address: str


class UnbindAddress(Output):
    """Take an address off the dummy interface."""

    op: Literal["UnbindAddress"]
    address: str


Operation = Annotated[
    SetSysctl
    | CreateInterface
    | RemoveInterface
    | CreateSet
    | ReplaceSet
    | DestroySet
    | AddEntry
    | RemoveEntry
    | ReplaceNetfilter
    | RemoveNetfilter
    | AddVirtualServer
    | EditVirtualServer
    | RemoveVirtualServer
    | AddRealServer
    | SetWeight
    | DrainRealServer
    | RemoveRealServer
    | BindAddress
    | UnbindAddress,
    Field(discriminator="op"),
]


class NodeRulesChanges(Output):
    """Ordered operations that take a node from revision ``since`` to ``resourceVersion``."""

    kind: Literal["NodeRulesChanges"]
    node: str = Field(examples=["n1"])
    since: str = Field(examples=["41"])
    resource_version: str = Field(examples=["42"])
    operations: Told[Operation]
    health_check_node_ports: Told[HealthCheckOperation] = Field(description=_HEALTH_CHECKS)
    node_eligible: bool = Field(description=NODE_ELIGIBLE)


class NodeTextChanges(Output):
    """One transaction that takes a node from revision ``since`` to ``resourceVersion``."""

    kind: Literal["NodeTextChanges"]
    node: str = Field(examples=["n1"])
    since: str = Field(examples=["41"])
    resource_version: str = Field(examples=["42"])
    text: str = Field(
        description="Input for `nft -f`; empty when nothing changed for this node.",
        examples=["add element ip waypost cluster-ips { 10.96.17.4 }\n"],
    )
    health_check_node_ports: Told[HealthCheckOperation] = Field(description=_HEALTH_CHECKS)
    node_eligible: bool = Field(description=NODE_ELIGIBLE)


class NodeRulesDrift(Output):
    """How a node differs from what it was told, and what mends it."""

    kind: Literal["NodeRulesDrift"]
    node: str = Field(examples=["n1"])
    resource_version: str = Field(examples=["42"])
    in_sync: bool
    differences: list[Difference]
    foreign: list[ServerAddress] = Field(
        description="Virtual servers of somebody else; they are left alone."
    )
    operations: list[Operation]
    commands: str = Field(
        description="Input for `ipvsadm --restore` that mends what can be mended at once.",
        examples=["-a -t 10.96.17.4:80 -r 10.244.1.5:8080 -m -w 1\n"],
    )
    commands_when_drained: str = Field(
        description="The rest, once the connections of drained real servers have ended."
    )
