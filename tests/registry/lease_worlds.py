"""A registry in memory whose Pods have leases, and whose time passes only by the test."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

from app.domain.errors import NotSynced
from app.domain.names import NamespacedName
from app.domain.objects.resource import Object
from app.registry.leases.heartbeats import TIMES, Leases, Times
from app.registry.leases.lease_tracker import Lease, LeaseTracker
from tests.builders import key
from tests.registry.worlds import World


class MemoryLeaseStore:
    """The table, with its own clock; implements ``app.registry.ports.LeaseStore``."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.rows: dict[Lease, float] = {}
        self.statements = 0
        self.is_down = False
        self.takes_s = 0.0
        self.registered: Collection[NamespacedName] = ()

    async def save(self, ages_s: Mapping[Lease, float]) -> None:
        self._ask()
        for lease, age_s in ages_s.items():
            at_s = self.now_s - age_s
            self.rows[lease] = max(at_s, self.rows.get(lease, at_s))

    async def load(self, leases: Collection[Lease]) -> Mapping[Lease, float]:
        self._ask()
        self.now_s += self.takes_s
        return {lease: self.now_s - self.rows[lease] for lease in leases if lease in self.rows}

    async def load_kind(self, kind: str) -> Mapping[Lease, float]:
        return await self.load([lease for lease in self.rows if lease.kind == kind])

    async def forget(self, leases: Collection[Lease]) -> None:
        self._ask()
        for lease in leases:
            self.rows.pop(lease, None)

    async def forget_orphans(self) -> None:
        self._ask()

    def _ask(self) -> None:
        if self.is_down:
            raise NotSynced("the database is away")
        self.statements += 1


class LeaseWorld(World):
    """One process that receives heartbeats and leads; ``another`` makes more of them."""

    def __init__(self, *objects: Object, times: Times = TIMES) -> None:
        self.store = MemoryLeaseStore()
        self._times = replace(times, clock=lambda: self.store.now_s, settle_s=0)
        super().__init__()
        self.leases = self.another()
        self.create(*objects)

    def another(self) -> Leases:
        """Start a process that has received no heartbeat yet."""
        tracker = LeaseTracker(clock=lambda: self.store.now_s)
        tracker.follow(self.view)
        return Leases(self.view, self.writer, self.store, tracker=tracker, times=self._times)

    def wait(self, seconds: float) -> None:
        """Let time pass in which no process runs."""
        self.store.now_s += seconds
        self.writer.now += timedelta(seconds=seconds)

    async def pass_time(self, seconds: int, *, renewing: Iterable[str] = ()) -> None:
        """Let time pass second by second, with expiry checks, while some Pods send heartbeats."""
        pods = [key(name) for name in renewing]
        for _ in range(seconds):
            self.wait(1)
            await self.leases.renew(pods)
            await self.leases.check()
