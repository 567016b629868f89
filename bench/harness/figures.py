"""What a benchmark measures: figures with goals, and the values that rounds give.

    Figure, value of each round, value of the peer in the same round -> median, ratio, reached?

Figures know nothing of how a value is taken.  The median of the rounds is what counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil
from statistics import median


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound that a value is to keep."""

    bound: float
    is_lower: bool

    def is_reached_by(self, value: float) -> bool:
        """Whether the value keeps the bound, which itself is good enough."""
        return value >= self.bound if self.is_lower else value <= self.bound


def at_least(bound: float) -> Goal:
    """Ask for as much, or more."""
    return Goal(bound, is_lower=True)


def at_most(bound: float) -> Goal:
    """Ask for as little, or less."""
    return Goal(bound, is_lower=False)


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table; the ratio is that of the value to the peer's."""

    what: str
    unit: str
    goal: Goal | None = None
    peer: str = ""
    ratio_goal: Goal | None = None
    bounded_by: str = ""
    """What a profile showed the value to be spent on, with its figures, its date and commit: one
    sentence, printed below the table while a goal is missed."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A figure and its values, one a round."""

    figure: Figure
    values: list[float] = field(default_factory=list[float])
    peer_values: list[float] = field(default_factory=list[float])

    @property
    def value(self) -> float | None:
        """The median of the rounds, if any was run."""
        return median(self.values) if self.values else None

    @property
    def peer_value(self) -> float | None:
        """The median of the peer's rounds, if it was there."""
        return median(self.peer_values) if self.peer_values else None

    @property
    def ratio(self) -> float | None:
        """The value over the peer's."""
        if self.value is None or not self.peer_value:
            return None
        return self.value / self.peer_value

    @property
    def is_reached(self) -> bool | None:
        """Whether every goal is reached; None without a goal, or where one could not be judged."""
        judged = (
            (self.figure.goal, self.value),
            (self.figure.ratio_goal, self.ratio),
        )
        asked = [(goal, value) for goal, value in judged if goal is not None]
        verdicts = [goal.is_reached_by(value) for goal, value in asked if value is not None]
        if not all(verdicts):
            return False
        return True if asked and len(verdicts) == len(asked) else None


def percentile(values: Sequence[float], percent: float) -> float:
    """Give the value that ``percent`` of all are at or below: the nearest rank."""
    if not values:
        raise ValueError("there is no percentile of nothing")
    place = ceil(percent / 100 * len(values))
    return sorted(values)[max(place, 1) - 1]
