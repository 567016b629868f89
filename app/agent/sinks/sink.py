"""The target of rules, as the loop sees it: a kernel, or what only prints the steps for one.

    observe -> Waypost's part of its state       apply(steps) -> done, or SinkFailed

A sink reads and writes, and knows nothing of registries, revisions or time.  It
neither reports nor touches the objects of other programs.
"""

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from app.agent.modes.mode import Mode

if TYPE_CHECKING:
    from app.domain.dataplane.ipvs.operations import RealServerKey

StateT = TypeVar("StateT")
StepT = TypeVar("StepT")
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

    async def idle(self, servers: "Collection[RealServerKey]") -> "Collection[RealServerKey]":
        """Return the real servers that have no connections; raises SinkFailed."""
        ...


class DrySink(Generic[StateT, StepT]):
    """For dry runs: reads from a real sink once; then printed steps count as applied."""

    def __init__(
        self,
        sink: Sink[StateT, StepT],
        mode: Mode[StateT, StepT],
        write: Callable[[str], None],
    ) -> None:
        self._sink, self._mode, self._write = sink, mode, write
        self._held: StateT | None = None

    async def observe(self, known: StateT) -> StateT:
        """Read the kernel's state; a kernel that cannot be read counts as empty."""
        if self._held is None:
            try:
                self._held = await self._sink.observe(known)
            except SinkFailed as error:
                self._write(f"# {error}: assuming a node without rules\n")
                self._held = self._mode.empty
        return self._held

    async def apply(self, steps: Sequence[StepT]) -> None:
        """Print steps as the input of the programs."""
        assert self._held is not None, "it is observed first"
        self._write(self._mode.written(steps))
        self._held = self._mode.advanced(steps, self._held)

    async def idle(self, servers: "Collection[RealServerKey]") -> "Collection[RealServerKey]":
        """Ask the kernel; servers that it does not know have no connections."""
        try:
            return await self._sink.idle(servers)
        except SinkFailed:
            return servers
