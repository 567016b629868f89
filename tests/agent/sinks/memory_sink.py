"""A sink in memory, for tests.

It refuses what a kernel would refuse, and steps that would misdirect traffic.
"""

from collections.abc import Collection, Sequence

from app.agent.sinks.sink import SinkFailed
from app.domain.dataplane.ipvs.applied import apply
from app.domain.dataplane.ipvs.operations import IPVSState, Operation, RealServerKey
from app.domain.dataplane.rules.order import OutOfOrder

_EMPTY = IPVSState()


class MemorySink:
    """Keeps an IPVSState; tests may change ``state`` and ``busy``, as programs change a kernel."""

    def __init__(self, state: IPVSState = _EMPTY) -> None:
        self.state = state
        self.busy: set[RealServerKey] = set()
        """Real servers with open connections."""
        self.applications: list[tuple[Operation, ...]] = []
        """The applied steps, by call."""

    async def observe(self, known: IPVSState) -> IPVSState:
        """Return the state."""
        del known  # all of the state is Waypost's
        return self.state

    async def apply(self, steps: Sequence[Operation]) -> None:
        """Apply steps until one does not fit; raises SinkFailed at that one."""
        self.applications.append(tuple(steps))
        for step in steps:
            try:
                self.state = apply((step,), self.state)
            except OutOfOrder as error:
                raise SinkFailed(f"out of order: {error}") from error

    async def idle(self, servers: Collection[RealServerKey]) -> Collection[RealServerKey]:
        """Return the servers that are not busy."""
        return [server for server in servers if server not in self.busy]
