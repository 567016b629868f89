"""The changes of a node as they are sent to it: a plan, and what goes with it.

    changes of a rules source, the Node before and now -> NodeChanges

How they are worked out is in ``node_rules``, how they are written on the wire in the API.
Source: contract.md, ``GET /nodes/{name}/ipvs/changes``.
"""

from dataclasses import dataclass
from typing import Final

from app.domain.dataplane.incremental.ipvs_mode import Parts
from app.domain.dataplane.rules.health_checks import HealthCheckChanges
from app.domain.names import Revision
from app.domain.objects.node import Node

Plan = Parts | str
"""In IPVS mode operations, in pieces that many nodes share; in nftables mode a text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is sent beside rules: what load balancers may ask the node, and may send it."""

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
    plan: Plan
    standing: Standing = Standing()

    @property
    def is_any(self) -> bool:
        """Whether anything changed for the node."""
        return any(self.plan) or self.standing.is_any


_AS_BEFORE: Final = Standing()


def standing_of(checks: HealthCheckChanges, before: Node | None, node: Node) -> Standing:
    """Tell what goes with the rules of a Node that was ``before``, if it was there at all."""
    has_turned = before is None or before.is_eligible != node.is_eligible
    if not checks and not has_turned and node.is_eligible:
        return _AS_BEFORE
    return Standing(health_checks=checks, is_eligible=node.is_eligible, has_turned=has_turned)
