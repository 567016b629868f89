"""A mode of an agent: how its rules are decoded, and how a change is planned.

    body -> Whole(revision, state, …)      body -> Changes(revision, steps, …)
    state, steps -> state                  current, desired -> Plan

Pure: a sink applies steps, and the loop decides when.  With nftables a step is a text, and
nothing drains: open connections keep their translation.

Source: contract.md, "GET /nodes/{name}/ipvs" and "…/nftables"; spec ipvs 6 and 8.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from app.domain.dataplane.rules.health_checks import HealthCheckChanges, HealthChecks
from app.domain.names import Revision
from waypost.client.http.answer import Answer

if TYPE_CHECKING:
    from app.domain.dataplane.ipvs.operations import RealServerKey

StateT = TypeVar("StateT")
StepT = TypeVar("StepT")


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
    waiting: "frozenset[RealServerKey]" = frozenset()


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
    plan: "Callable[[StateT, StateT, Collection[RealServerKey]], Plan[StepT]]"
    """Plans the steps from the current to the desired state, given the idle real servers."""
    written: Callable[[Sequence[StepT]], str]
    """Writes steps as the input of the programs."""
