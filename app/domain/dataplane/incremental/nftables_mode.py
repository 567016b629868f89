"""nftables mode: a node's text from one revision to a later one, at the cost of the change.

    rules of the touched Services, before and after -> text

Elements of different Services never coincide, so the touched ones are all there is to look
at.  Nodes that see a change alike get the same text, made once.

Source: spec ipvs 8.
"""

from app.domain.dataplane.incremental.shared import MadeOnce
from app.domain.dataplane.incremental.source import RulesSource
from app.domain.dataplane.incremental.step import Step
from app.domain.dataplane.nftables.text import (
    checks_of,
    encode,
    encode_changes,
    encode_checks,
    encode_delta,
    service_changes,
)
from app.domain.dataplane.rules.node_facts import NodeFacts
from app.domain.dataplane.rules.node_rules import service_ranges
from app.domain.snapshot import Snapshot


class NftablesMode:
    """Texts of every node in nftables mode, each made once."""

    def __init__(self, source: RulesSource) -> None:
        self._source = source
        self._texts: MadeOnce[str] = MadeOnce(source.bounds.texts)

    def whole(self, snapshot: Snapshot, node: NodeFacts) -> str:
        """Write everything, for a node that holds nothing."""
        return encode(self._source.node_rules(snapshot, node))

    def between(self, step: Step, before: NodeFacts, node: NodeFacts) -> str:
        """Write the way from everything before a step to everything after it."""
        current = self._source.node_rules(step.before, before)
        return encode_delta(current, self._source.node_rules(step.after, node))

    def part(self, step: Step, node: NodeFacts) -> str:
        """Write the changes of the touched Services, and of the ranges of their addresses."""
        before, after = (
            self._source.rules.of(self._source.some(snapshot, step.touched), node)
            for snapshot in (step.before, step.after)
        )
        changes = list(service_changes(before, after))
        families = tuple(facts.family for facts in node.families)
        was, becomes = service_ranges(step.before), service_ranges(step.after)
        checks = (
            ""
            if was == becomes
            else encode_checks(checks_of(node.families, was), checks_of(node.families, becomes))
        )
        return self._texts.of(
            changes, (families, checks), lambda: checks + encode_changes(changes, families)
        )
