"""What rules are applied to, as the loop sees it: a kernel, or a model of one.

    observe -> what it holds of ours       apply(steps) -> done, or SinkFailed

A sink knows how to read and to write, and nothing of registries, revisions or
time.  What others have put beside ours is neither told nor touched.
"""

from collections.abc import Collection, Sequence
from typing import Protocol, TypeVar

from app.domain.dataplane.ipvs.operations import RealServerKey

StateT = TypeVar("StateT")
StepT_contra = TypeVar("StepT_contra", contravariant=True)


class SinkFailed(Exception):
    """Something could not be read or applied; how much of it was is to be observed."""


class Sink(Protocol[StateT, StepT_contra]):
    """Holds states of one kind, and takes steps between them."""

    async def observe(self, known: StateT) -> StateT:
        """Read what is held; what ``known`` names is ours even where it has been changed.

        Raises SinkFailed.
        """
        ...

    async def apply(self, steps: Sequence[StepT_contra]) -> None:
        """Take steps in order, in as few calls as possible; raises SinkFailed."""
        ...

    async def idle(self, servers: Collection[RealServerKey]) -> Collection[RealServerKey]:
        """Give those real servers that have no connections; raises SinkFailed."""
        ...
