"""Codec of operations, which lead a node from one state to another.

    dataclass -> shape, reader, writer

The domain's dataclasses define the operations and their fields; ``_FIELDS`` lists the fields
that have another name or spelling in JSON.
Source: contract.md, "GET /nodes/{name}/ipvs/changes".
"""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import Field, create_model

from app.domain.dataplane.ipvs import drift as drifts
from app.domain.dataplane.ipvs import ipsets, iptables
from app.domain.dataplane.ipvs import operations as domain
from app.domain.dataplane.ipvs.batches import Program, batches
from app.domain.dataplane.ipvs.drift import DifferenceReason, Drift
from app.domain.dataplane.ipvs.virtual_server import VirtualServer
from app.schemas.base import FailFastTuple, Output
from app.schemas.rules.codec import dump
from app.schemas.rules.health_checks import HealthCheckNodePortChange
from app.schemas.rules.models import (
    IPSET,
    NETFILTER,
    NODE_ELIGIBLE,
)
from app.schemas.rules.spelling import Spelling, attributes, choice, record
from app.schemas.rules.virtual_servers import PLACE, SERVER_KEY, SETTINGS, Real, Server

_HEALTH_CHECKS = "Changes for the program that serves the health-check node ports."
_FIELDS: Final[Mapping[str, tuple[str, object]]] = {
    "ipset": ("ipset", Annotated[ipsets.IPSet, IPSET]),
    "netfilter": ("netfilter", Annotated[iptables.Netfilter, NETFILTER]),
    "key": ("virtual_server", Server),
    "server": ("virtual_server", Annotated[VirtualServer, SETTINGS]),
    "destination": ("real_server", Real),
    "place": ("real_server", Annotated[domain.Place, PLACE]),
}
"""The names of these fields in JSON, and their spellings; other fields are unchanged."""
_WORDS: Final[Mapping[str, str]] = {
    "address": "The virtual address.",
    "entry": "The entry, in the words of ipset.",
    "family": "The IP family that is not served any more.",
    "ipset": "The set with its entries, which `ReplaceSet` puts in place at once.",
    "name": "The name of the interface, the set or the kernel setting.",
    "netfilter": "The rules as they are to be.",
    "real_server": "The real server.",
    "value": "The value of the kernel setting.",
    "virtual_server": "The virtual server.",
    "when_drained": "Whether to wait until the connections of the real server have ended.",
}
"""What the fields are, by name; an operation may lack some of them."""


def _spelling(operation: type[domain.Operation]) -> Spelling[domain.Operation]:
    held = {field.name: field.type for field in fields(operation)}
    shown: dict[str, Any] = {"op": Literal[operation.__name__]}
    spelt = dict(_FIELDS.get(name, (name, hint)) for name, hint in held.items())
    shown |= {name: (hint, Field(description=_WORDS[name])) for name, hint in spelt.items()}
    shape = create_model(operation.__name__, __base__=Output, __doc__=operation.__doc__, **shown)
    return Spelling(shape, attributes(*held), operation)


_SPELLINGS: Final = {kind.__name__: _spelling(kind) for kind in get_args(domain.Operation)}
Operation = Annotated[
    domain.Operation,
    choice("RulesOperation", "One step between two states of a node's kernel.", _SPELLINGS),
]


class NodeRulesChanges(Output):
    """Ordered operations that take a node from revision ``since`` to ``resourceVersion``."""

    kind: Literal["NodeRulesChanges"]
    node: str = Field(description="The Node that the rules are for.", examples=["n1"])
    since: str = Field(description="The revision that the node has.", examples=["41"])
    resource_version: str = Field(
        description="The revision that the node then has.", examples=["42"]
    )
    operations: FailFastTuple[Operation] = Field(description="What is to be done, in this order.")
    health_check_node_ports: FailFastTuple[HealthCheckNodePortChange] = Field(
        description=_HEALTH_CHECKS
    )
    node_eligible: bool = Field(description=NODE_ELIGIBLE)


class NftablesRulesChanges(Output):
    """One transaction that takes a node from revision ``since`` to ``resourceVersion``."""

    kind: Literal["NodeTextChanges"]
    node: str = Field(description="The Node that the rules are for.", examples=["n1"])
    since: str = Field(description="The revision that the node has.", examples=["41"])
    resource_version: str = Field(
        description="The revision that the node then has.", examples=["42"]
    )
    text: str = Field(
        description="Input for `nft -f`; empty when nothing changed for this node.",
        examples=["add element ip waypost cluster-ips { 10.96.17.4 }\n"],
    )
    health_check_node_ports: FailFastTuple[HealthCheckNodePortChange] = Field(
        description=_HEALTH_CHECKS
    )
    node_eligible: bool = Field(description=NODE_ELIGIBLE)


class RulesDifference(Output):
    """One difference between a node's kernel and its rules."""

    reason: DifferenceReason = Field(description="In what way they differ.")
    virtual_server: Server = Field(description="The virtual server that differs.")
    real_server: Real | None = Field(
        default=None,
        description="The real server that differs; absent when it is the virtual server.",
    )


_DIFFERENCE: Final = record(
    RulesDifference, drifts.Difference, virtual_server="key", real_server="destination"
)


class NodeRulesDrift(Output):
    """The differences between a node's kernel and its rules, and their repair."""

    kind: Literal["NodeRulesDrift"]
    node: str = Field(description="The Node that the rules are for.", examples=["n1"])
    resource_version: str = Field(
        description="The revision that the rules follow from.", examples=["42"]
    )
    in_sync: bool = Field(description="Whether there are no differences.")
    differences: list[Annotated[drifts.Difference, _DIFFERENCE]] = Field(
        description="What is missing, too much, or other than wanted."
    )
    foreign: list[Server] = Field(
        description="Virtual servers that Waypost did not make; they are left alone."
    )
    operations: list[Operation] = Field(description="The repair, in this order.")
    commands: str = Field(
        description="Input for `ipvsadm --restore` that repairs what can be repaired now.",
        examples=["-a -t 10.96.17.4:80 -r 10.244.1.5:8080 -m -w 1\n"],
    )
    commands_when_drained: str = Field(
        description="The rest, once the connections of drained real servers have ended."
    )


def encode_operation(operation: domain.Operation) -> dict[str, object]:
    """Encode one operation."""
    return _SPELLINGS[type(operation).__name__].write(operation)


def encode_operation_list(operations: Iterable[domain.Operation]) -> str:
    """Encode operations as the elements of a JSON array, without its brackets."""
    return ",".join([dump(encode_operation(operation)) for operation in operations])


def encode_drift(drift: Drift) -> dict[str, object]:
    """Encode the differences of a node, and their repair."""
    commands = {False: "", True: ""}
    for batch in batches(drift.operations):
        if batch.program is Program.IPVSADM:
            commands[batch.when_drained] += batch.text
    return {
        "inSync": not drift.differences,
        "differences": [_difference(each) for each in drift.differences],
        "foreign": [SERVER_KEY.write(key) for key in drift.foreign],
        "operations": [encode_operation(operation) for operation in drift.operations],
        "commands": commands[False],
        "commandsWhenDrained": commands[True],
    }


def _difference(difference: drifts.Difference) -> dict[str, object]:
    shown = _DIFFERENCE.write(difference)
    return {name: value for name, value in shown.items() if value is not None}
