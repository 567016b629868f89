"""A mode (IPVS or nftables): how its rules are decoded, and how a change is planned.

    body -> Whole(revision, state, …)      body -> Changes(revision, steps, …)
    state, steps -> state                  current, desired -> Plan

Pure: a sink applies steps, and the loop decides when.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from app.client.bounded_reading import Answer
from app.client.errors import RegistryMisbehaved
from app.domain.dataplane.ipvs.operations import RealServerKey
from app.domain.dataplane.rules.health_checks import HealthCheckChanges, HealthChecks
from app.domain.names import Revision

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


class Mode(Protocol[StateT, StepT]):
    """One kind of kernel rules; ``name`` is its path segment below a node."""

    @property
    def name(self) -> str:
        """``ipvs`` or ``nftables``."""
        ...

    @property
    def empty(self) -> StateT:
        """The state of a node without rules."""
        ...

    def decode_whole(self, answer: Answer) -> Whole[StateT]:
        """Read a whole rule set; raises RegistryMisbehaved."""
        ...

    def decode_changes(self, answer: Answer) -> Changes[StepT]:
        """Read changes; raises RegistryMisbehaved."""
        ...

    def advanced(self, steps: Sequence[StepT], state: StateT) -> StateT:
        """Apply steps; raises OutOfOrder when they do not fit the state."""
        ...

    def plan(
        self, current: StateT, desired: StateT, idle: Collection[RealServerKey]
    ) -> Plan[StepT]:
        """Plan the steps from the current to the desired state."""
        ...

    def written(self, steps: Sequence[StepT]) -> str:
        """Write steps as the input of the programs."""
        ...


def read(model: type[M], answer: Answer) -> M:
    """Parse the registry's answer; raises RegistryMisbehaved for any other document."""
    try:
        return model.model_validate_json(answer.body)
    except ValidationError as error:
        problem = f"its answer is not a {model.__name__}: {error.errors()[0]['msg']}"
        raise RegistryMisbehaved(problem) from error
