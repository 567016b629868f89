"""What a node is told of changes: operations or a text, and what goes with either.

    news of a rules source, the Node before and now -> NodeChanges | NodeText

How they are worked out is in ``node_rules``, how they are written on the wire in the API.
Source: contract.md, ``GET /nodes/{name}/ipvs/changes``.
"""

from dataclasses import dataclass
from typing import Final

from app.domain.dataplane.incremental.ipvs_source import Parts
from app.domain.dataplane.rules.health_checks import HealthCheckChanges
from app.domain.names import Revision
from app.domain.objects.node import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is told beside rules: what load balancers may ask the node, and may send it."""

    health_checks: HealthCheckChanges = ()
    is_eligible: bool = True
    has_turned: bool = False
    """Whether ``is_eligible`` was otherwise before."""

    @property
    def is_any(self) -> bool:
        """Whether anything changed."""
        return self.has_turned or bool(self.health_checks)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeChanges:
    """The way of a node from one revision to another."""

    node: str
    since: Revision
    revision: Revision
    parts: Parts
    """The operations, in pieces that follow each other; many nodes have the same pieces."""
    standing: Standing = Standing()

    @property
    def is_any(self) -> bool:
        """Whether anything changed for the node."""
        return any(self.parts) or self.standing.is_any


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeText:
    """The same way as a text for ``nft -f``."""

    node: str
    since: Revision
    revision: Revision
    text: str
    standing: Standing = Standing()

    @property
    def is_any(self) -> bool:
        """Whether anything changed for the node."""
        return bool(self.text) or self.standing.is_any


_AS_BEFORE: Final = Standing()


def standing_of(checks: HealthCheckChanges, before: Node | None, node: Node) -> Standing:
    """Tell what goes with the rules of a Node that was ``before``, if it was there at all."""
    has_turned = before is None or before.is_eligible != node.is_eligible
    if not checks and not has_turned and node.is_eligible:
        return _AS_BEFORE
    return Standing(health_checks=checks, is_eligible=node.is_eligible, has_turned=has_turned)
