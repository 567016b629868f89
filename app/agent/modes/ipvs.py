"""Rules in IPVS mode: virtual servers, sets, filter rules and addresses, in steps.

body -> state, operations          current, desired -> operations, some of which wait

Source: contract.md, "GET /nodes/{name}/ipvs"; spec ipvs 6.
"""

from collections.abc import Collection, Sequence
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from app.agent.modes.mode import Changes, Mode, Plan, Whole
from app.domain.dataplane.ipvs.applied import apply
from app.domain.dataplane.ipvs.batches import batches
from app.domain.dataplane.ipvs.operations import (
    IPVSState,
    Operation,
    RealServerKey,
    RemoveRealServer,
)
from app.domain.dataplane.ipvs.plan import plan
from app.domain.dataplane.rules.health_checks import followed
from app.schemas.objects.metadata import parse_revision
from app.schemas.rules.codec import decode_state
from app.schemas.rules.models import NodeRules
from app.schemas.rules.operations import NodeRulesChanges
from waypost.client.errors import Misbehaved
from waypost.client.http.answer import Answer

M = TypeVar("M", bound=BaseModel)


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


def _ipvs_whole(answer: Answer) -> Whole[IPVSState]:
    rules = _read(NodeRules, answer)
    return Whole(
        revision=parse_revision(rules.resource_version),
        state=decode_state(rules),
        health_checks=followed(rules.health_check_node_ports, {}),
        is_eligible=rules.node_eligible,
    )


def _ipvs_changes(answer: Answer) -> Changes[Operation]:
    changes = _read(NodeRulesChanges, answer)
    return Changes(
        revision=parse_revision(changes.resource_version),
        steps=changes.operations,
        health_checks=changes.health_check_node_ports,
        is_eligible=changes.node_eligible,
    )


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
