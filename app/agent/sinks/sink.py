"""The target of rules, as the loop sees it: a kernel, or a model of one.

    observe -> Waypost's part of its state       apply(steps) -> done, or SinkFailed

A sink reads and writes, and knows nothing of registries, revisions or time.  It
neither reports nor touches the objects of other programs.
"""

from collections.abc import Collection, Sequence
from typing import Protocol, TypeVar

from app.domain.dataplane.ipvs.operations import RealServerKey

StateT = TypeVar("StateT")
StepT_contra = TypeVar("StepT_contra", contravariant=True)


class SinkFailed(Exception):
    """A read or an application failed; it may have been applied in part, so observe again."""


class Sink(Protocol[StateT, StepT_contra]):
    """Has a state, and applies steps to it."""

    async def observe(self, known: StateT) -> StateT:
        """Read the state; objects named in ``known`` are Waypost's even when changed.

        Raises SinkFailed.
        """
        ...

    async def apply(self, steps: Sequence[StepT_contra]) -> None:
        """Apply steps in order, in as few calls as possible; raises SinkFailed."""
        ...

    async def idle(self, servers: Collection[RealServerKey]) -> Collection[RealServerKey]:
        """Return the real servers that have no connections; raises SinkFailed."""
        ...
