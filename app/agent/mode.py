"""A mode: what rules are in it, how the registry sends them, how one gets from some to others.

    body -> Whole(revision, state, …)      body -> News(revision, steps, …)
    state, steps -> state                  current, desired -> Plan

Pure; where steps are applied is a sink's affair, when is the loop's.
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
    """All of a node's rules at one revision, and what load balancers may ask and send it."""

    revision: Revision
    state: StateT
    health_checks: HealthChecks
    is_eligible: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class News(Generic[StepT]):
    """What happened to a node's rules up to a revision, and to its health checks."""

    revision: Revision
    steps: tuple[StepT, ...]
    health_checks: HealthCheckChanges
    is_eligible: bool


@dataclass(frozen=True, slots=True)
class Plan(Generic[StepT]):
    """Steps to take now, and those to take once a real server's connections have ended."""

    at_once: tuple[StepT, ...] = ()
    waiting: frozenset[RealServerKey] = frozenset()


class Mode(Protocol[StateT, StepT]):
    """One way of telling a kernel; ``name`` is that of its route below a node."""

    @property
    def name(self) -> str:
        """``ipvs`` or ``nftables``."""
        ...

    @property
    def empty(self) -> StateT:
        """The state of a node that was never told anything."""
        ...

    def decode_whole(self, answer: Answer) -> Whole[StateT]:
        """Read a whole rule set; raises RegistryMisbehaved."""
        ...

    def decode_news(self, answer: Answer) -> News[StepT]:
        """Read changes; raises RegistryMisbehaved."""
        ...

    def advanced(self, steps: Sequence[StepT], state: StateT) -> StateT:
        """Take steps; raises OutOfOrder when they do not fit the state."""
        ...

    def plan(
        self, current: StateT, desired: StateT, idle: Collection[RealServerKey]
    ) -> Plan[StepT]:
        """Find the way from what is held to what should be."""
        ...

    def written(self, steps: Sequence[StepT]) -> str:
        """Write steps as the input of the programs that take them."""
        ...


def read(model: type[M], answer: Answer) -> M:
    """Read what the registry sent; raises RegistryMisbehaved for any other document."""
    try:
        return model.model_validate_json(answer.body)
    except ValidationError as error:
        raise RegistryMisbehaved(f"no {model.__name__}: {error.errors()[0]['msg']}") from error
