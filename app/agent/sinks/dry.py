"""A kernel that is looked at and left alone: what would be applied is written out."""

from collections.abc import Callable, Collection, Sequence
from typing import Generic, TypeVar

from app.agent.mode import Mode
from app.agent.sinks.sink import Sink, SinkFailed
from app.domain.dataplane.ipvs.operations import RealServerKey

StateT = TypeVar("StateT")
StepT = TypeVar("StepT")


class DrySink(Generic[StateT, StepT]):
    """Reads from a real sink; from then on what was written out counts as held."""

    def __init__(
        self,
        sink: Sink[StateT, StepT],
        mode: Mode[StateT, StepT],
        write: Callable[[str], None],
    ) -> None:
        """Write texts with ``write``."""
        self._sink, self._mode, self._write = sink, mode, write
        self._held: StateT | None = None

    async def observe(self, known: StateT) -> StateT:
        """Read what is held; a kernel that cannot be read counts as one that holds nothing."""
        if self._held is None:
            try:
                self._held = await self._sink.observe(known)
            except SinkFailed as error:
                self._write(f"# {error}: as for a node that holds nothing\n")
                self._held = self._mode.empty
        return self._held

    async def apply(self, steps: Sequence[StepT]) -> None:
        """Write steps out as the input of the programs that would take them."""
        assert self._held is not None, "it is observed first"
        self._write(self._mode.written(steps))
        self._held = self._mode.advanced(steps, self._held)

    async def idle(self, servers: Collection[RealServerKey]) -> Collection[RealServerKey]:
        """Ask the kernel; what it does not know has no connections."""
        try:
            return await self._sink.idle(servers)
        except SinkFailed:
            return servers
