"""IPVS mode: from the wire to a plan.

    NodeRules -> IPVSState      NodeRulesChanges -> operations      -> Plan

Source: contract.md, "GET /nodes/{name}/ipvs"; spec ipvs 6.
"""

from collections.abc import Collection, Sequence

from app.agent.mode import Changes, Plan, Whole, read
from app.client.bounded_reading import Answer
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


class IPVSMode:
    """Virtual servers, sets, filter rules and addresses."""

    name = "ipvs"
    empty = IPVSState()

    def decode_whole(self, answer: Answer) -> Whole[IPVSState]:
        """Read a whole rule set; raises RegistryMisbehaved."""
        rules = read(NodeRules, answer)
        return Whole(
            revision=parse_revision(rules.resource_version),
            state=decode_state(rules),
            health_checks=followed(rules.health_check_node_ports, {}),
            is_eligible=rules.node_eligible,
        )

    def decode_changes(self, answer: Answer) -> Changes[Operation]:
        """Read changes; raises RegistryMisbehaved."""
        changes = read(NodeRulesChanges, answer)
        return Changes(
            revision=parse_revision(changes.resource_version),
            steps=changes.operations,
            health_checks=changes.health_check_node_ports,
            is_eligible=changes.node_eligible,
        )

    def advanced(self, steps: Sequence[Operation], state: IPVSState) -> IPVSState:
        """Apply operations; raises OutOfOrder when they do not fit the state."""
        return apply(steps, state)

    def plan(
        self, current: IPVSState, desired: IPVSState, idle: Collection[RealServerKey]
    ) -> Plan[Operation]:
        """Plan; separate the removals that wait for connections to end."""
        operations = plan(current, desired, idle=idle)
        return Plan(
            tuple(operation for operation in operations if awaited(operation) is None),
            frozenset(key for operation in operations if (key := awaited(operation)) is not None),
        )

    def written(self, steps: Sequence[Operation]) -> str:
        """Write operations as the input of the programs."""
        return "".join(f"# {batch.program}\n{batch.text}" for batch in batches(steps))


def awaited(operation: Operation) -> RealServerKey | None:
    """Return the real server whose connections an operation waits for, or None."""
    match operation:
        case RemoveRealServer(key, place, when_drained) if when_drained:
            return RealServerKey(key, *place)
        case _:
            return None
