"""A kernel that is a value: for tests, and to try what would happen.

It refuses what a real one would refuse, and steps that would misdirect traffic.
"""

from collections.abc import Collection, Sequence

from app.agent.sinks.sink import SinkFailed
from app.domain.dataplane.ipvs.applied import OutOfOrder, applied
from app.domain.dataplane.ipvs.operations import IPVSState, Operation, RealServerKey

_EMPTY = IPVSState()


class MemorySink:
    """Holds an IPVSState; ``state`` and ``busy`` may be set from outside, as a kernel's may."""

    def __init__(self, state: IPVSState = _EMPTY) -> None:
        self.state = state
        self.busy: set[RealServerKey] = set()
        """Real servers with open connections."""
        self.applications: list[tuple[Operation, ...]] = []
        """What was applied, call by call."""

    async def observe(self, known: IPVSState) -> IPVSState:
        """Give what is held."""
        del known  # nobody else puts anything here
        return self.state

    async def apply(self, steps: Sequence[Operation]) -> None:
        """Take steps until one does not fit; raises SinkFailed at that one."""
        self.applications.append(tuple(steps))
        for step in steps:
            try:
                self.state = applied(step, self.state)
            except OutOfOrder as error:
                raise SinkFailed(f"out of order: {error}") from error

    async def idle(self, servers: Collection[RealServerKey]) -> Collection[RealServerKey]:
        """Give those that are not busy."""
        return [server for server in servers if server not in self.busy]
