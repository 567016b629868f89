"""A sink for dry runs: reads the kernel and prints the steps instead of applying them."""

from collections.abc import Callable, Collection, Sequence
from typing import Generic, TypeVar

from app.agent.mode import Mode
from app.agent.sinks.sink import Sink, SinkFailed
from app.domain.dataplane.ipvs.operations import RealServerKey

StateT = TypeVar("StateT")
StepT = TypeVar("StepT")


class DrySink(Generic[StateT, StepT]):
    """Reads from a real sink once; then printed steps count as applied."""

    def __init__(
        self,
        sink: Sink[StateT, StepT],
        mode: Mode[StateT, StepT],
        write: Callable[[str], None],
    ) -> None:
        """Print texts with ``write``."""
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

    async def idle(self, servers: Collection[RealServerKey]) -> Collection[RealServerKey]:
        """Ask the kernel; servers that it does not know have no connections."""
        try:
            return await self._sink.idle(servers)
        except SinkFailed:
            return servers
