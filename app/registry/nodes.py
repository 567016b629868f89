"""Nodes: what one must be."""

from app.domain.objects.node import Node
from app.domain.registration import nodes as rules
from app.domain.registration.status_warnings import node_warnings
from app.registry.refusals import require_valid
from app.registry.work import Work


def admitted(work: Work, current: Node | None, draft: Node) -> Node:
    """Accept a Node as it is; raises Invalid."""
    violations = rules.validate(draft) if current is None else rules.validate_update(current, draft)
    require_valid(draft, violations)
    work.warnings.extend(node_warnings(current, draft))
    return draft
