"""The modes of an agent: how its rules are decoded, and how a change is planned.

    body -> Whole(revision, state, …)      body -> Changes(revision, steps, …)
    state, steps -> state                  current, desired -> Plan

Pure: a sink applies steps, and the loop decides when.  With nftables a step is a text, and
nothing drains: open connections keep their translation.

Source: contract.md, "GET /nodes/{name}/ipvs" and "…/nftables"; spec ipvs 6 and 8.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from app.domain.dataplane.ipvs.applied import OutOfOrder, apply
from app.domain.dataplane.ipvs.batches import batches
from app.domain.dataplane.ipvs.operations import (
    IPVSState,
    Operation,
    RealServerKey,
    RemoveRealServer,
)
from app.domain.dataplane.ipvs.plan import plan
from app.domain.dataplane.nftables.loading import loaded
from app.domain.dataplane.nftables.state import Tables, encode_difference
from app.domain.dataplane.rules.health_checks import HealthCheckChanges, HealthChecks, followed
from app.domain.errors import BadRequest
from app.domain.names import Revision
from app.schemas.objects.codec import UNREADABLE
from app.schemas.objects.metadata import parse_revision
from app.schemas.rules.codec import decode_state
from app.schemas.rules.models import NftablesRules, NodeRules
from app.schemas.rules.operations import NftablesRulesChanges, NodeRulesChanges
from waypost.client.errors import Misbehaved
from waypost.client.http.answer import Answer

NFT: Final = "nft -f -"

StateT = TypeVar("StateT")
StepT = TypeVar("StepT")
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole(Generic[StateT]):
    """A node's whole rule set at one revision, its health checks and its eligibility."""

    revision: Revision
    state: StateT
    health_checks: HealthChecks
    is_eligible: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes(Generic[StepT]):
    """Changes to a node's rules and health checks, up to a revision."""

    revision: Revision
    steps: tuple[StepT, ...]
    health_checks: HealthCheckChanges
    is_eligible: bool


@dataclass(frozen=True, slots=True)
class Plan(Generic[StepT]):
    """Steps to take now, and the real servers that are removed after they have drained."""

    at_once: tuple[StepT, ...] = ()
    waiting: frozenset[RealServerKey] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode(Generic[StateT, StepT]):
    """One kind of kernel rules."""

    name: str
    """The path segment below a node."""
    empty: StateT
    """The state of a node without rules."""
    decode_whole: Callable[[Answer], Whole[StateT]]
    """Reads a whole rule set; raises Misbehaved."""
    decode_changes: Callable[[Answer], Changes[StepT]]
    """Reads changes; raises Misbehaved."""
    advanced: Callable[[Sequence[StepT], StateT], StateT]
    """Applies steps to a state; raises OutOfOrder when they do not fit it."""
    plan: Callable[[StateT, StateT, Collection[RealServerKey]], Plan[StepT]]
    """Plans the steps from the current to the desired state, given the idle real servers."""
    written: Callable[[Sequence[StepT]], str]
    """Writes steps as the input of the programs."""


def awaited(operation: Operation) -> RealServerKey | None:
    """Return the real server whose connections an operation waits for, or None."""
    match operation:
        case RemoveRealServer(key, place, when_drained) if when_drained:
            return RealServerKey(key, *place)
        case _:
            return None


def _read(model: type[M], answer: Answer) -> M:
    try:
        return model.model_validate_json(answer.body)
    except ValidationError as error:
        problem = f"its answer is not a {model.__name__}: {error.errors()[0]['msg']}"
        raise Misbehaved(problem) from error


def _whole(rules: NodeRules | NftablesRules, state: StateT) -> Whole[StateT]:
    return Whole(
        revision=parse_revision(rules.resource_version),
        state=state,
        health_checks=followed(rules.health_check_node_ports, {}),
        is_eligible=rules.node_eligible,
    )


def _changes(
    changes: NodeRulesChanges | NftablesRulesChanges, steps: tuple[StepT, ...]
) -> Changes[StepT]:
    return Changes(
        revision=parse_revision(changes.resource_version),
        steps=steps,
        health_checks=changes.health_check_node_ports,
        is_eligible=changes.node_eligible,
    )


def _ipvs_whole(answer: Answer) -> Whole[IPVSState]:
    rules = _read(NodeRules, answer)
    return _whole(rules, decode_state(rules))


def _ipvs_changes(answer: Answer) -> Changes[Operation]:
    changes = _read(NodeRulesChanges, answer)
    return _changes(changes, changes.operations)


def _ipvs_plan(
    current: IPVSState, desired: IPVSState, idle: Collection[RealServerKey]
) -> Plan[Operation]:
    operations = plan(current, desired, idle=idle)
    return Plan(
        tuple(operation for operation in operations if awaited(operation) is None),
        frozenset(key for operation in operations if (key := awaited(operation)) is not None),
    )


def _ipvs_written(steps: Sequence[Operation]) -> str:
    return "".join(f"# {batch.program}\n{batch.text}" for batch in batches(steps))


IPVS: Final = Mode(
    name="ipvs",
    empty=IPVSState(),
    decode_whole=_ipvs_whole,
    decode_changes=_ipvs_changes,
    advanced=apply,
    plan=_ipvs_plan,
    written=_ipvs_written,
)
"""Virtual servers, sets, filter rules and addresses."""


def _nftables_whole(answer: Answer) -> Whole[Tables]:
    rules = _read(NftablesRules, answer)
    try:
        return _whole(rules, loaded(rules.text, {}))
    except UNREADABLE as error:
        raise Misbehaved(f"its nftables text cannot be parsed: {error}") from error


def _nftables_changes(answer: Answer) -> Changes[str]:
    changes = _read(NftablesRulesChanges, answer)
    return _changes(changes, (changes.text,) if changes.text else ())


def _nftables_advanced(steps: Sequence[str], state: Tables) -> Tables:
    try:
        for step in steps:
            state = loaded(step, state)
    except BadRequest as error:
        raise OutOfOrder(str(error)) from error
    return state


def _nftables_plan(current: Tables, desired: Tables, _idle: Collection[RealServerKey]) -> Plan[str]:
    text = encode_difference(current, desired)
    return Plan((text,) if text else ())


def _nftables_written(steps: Sequence[str]) -> str:
    return "".join(f"# {NFT}\n{step}" for step in steps)


NFTABLES: Final[Mode[Tables, str]] = Mode(
    name="nftables",
    empty={},
    decode_whole=_nftables_whole,
    decode_changes=_nftables_changes,
    advanced=_nftables_advanced,
    plan=_nftables_plan,
    written=_nftables_written,
)
"""One table per family."""
