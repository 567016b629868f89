"""Heartbeats: kept in memory, saved every second; only the elected leader expires leases.

    renew -> LeaseTracker -> save, one statement a second -> the table
    the table, LeaseTracker -> sweep -> expire, only when something would change

Renewing takes no revision and rewrites no object, unless the lease had already expired: then
the Pod is ready again before the heartbeat is answered.

Source: contract.md, "Objects" and "Routes".
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from app.domain.errors import DomainError, NotFound, not_found
from app.domain.names import NamespacedName
from app.domain.objects.node import NODE
from app.domain.objects.pod import LEASE_EXPIRED, POD, Pod
from app.domain.work import Work
from app.registry.leases.lease_expiry import expire, leases_in_question, restore
from app.registry.leases.lease_tracker import LeaseTracker, node_lease, pod_lease
from app.registry.ports import LeaseStore, Writer
from app.registry.reads.view import View
from app.registry.writes import lifecycle

SAVE_S = 1.0  # seconds of heartbeats that one statement saves
SWEEP_S = 1.0  # seconds between checks for expired leases
LATE_S_MAX = 0.5  # seconds by which a check, or the database's answer, may be late without a stall
SETTLE_S = 1.5  # seconds after a stall in which queued heartbeats are read and saved
NODES_S = 10.0  # seconds between reads of the nodes that other processes have heard

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Renewal:
    """Pods whose leases were renewed, and Pods that are not registered; in the order given."""

    renewed: tuple[NamespacedName, ...]
    unknown: tuple[NamespacedName, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """The clock of leases, in seconds, and the intervals of their periodic work."""

    clock: Callable[[], float] = time.monotonic
    save_s: float = SAVE_S
    sweep_s: float = SWEEP_S
    settle_s: float = SETTLE_S
    nodes_s: float = NODES_S


TIMES = Times()


class Leases:
    """The leases known to one process; in the elected leader they also expire."""

    def __init__(
        self,
        view: View,
        writer: Writer,
        store: LeaseStore,
        *,
        tracker: LeaseTracker,
        times: Times = TIMES,
    ) -> None:
        """Find Pods in ``view``; ``tracker`` must follow the same view and use the same clock."""
        self._view = view
        self._writer = writer
        self._store = store
        self._tracker = tracker
        self._times = times
        self._clock = times.clock
        self._checked_at_s = self._learned_at_s = times.clock()
        self._has_failed = False
        self._saving = asyncio.Lock()

    async def renew(self, pods: Collection[NamespacedName]) -> Renewal:
        """Renew the leases of Pods; where a lease had expired, readiness is as before."""
        snapshot = self._view.require_synced()
        renewed = tuple(key for key in pods if key in snapshot.pods)
        back: set[NamespacedName] = set()
        for key in renewed:
            pod = snapshot.pods[key]
            if pod.lease_duration_s is not None:
                self._tracker.renew(pod_lease(key))
            ready = pod.ready_condition
            if ready is not None and ready.reason == LEASE_EXPIRED:
                back.add(key)
        if back:
            await self.save()  # first, so that the elected leader finds the heartbeat
            await self._writer.write(lambda work: restore(work, frozenset(back)), reach=len(back))
        return Renewal(renewed, tuple(key for key in pods if key not in snapshot.pods))

    async def renew_existing(self, pods: Collection[NamespacedName]) -> None:
        """Count registering Pods again as their heartbeat; new Pods need none."""
        await self.renew([key for key in pods if key in self._view.snapshot.pods])

    def renew_node(self, name: str) -> int:
        """Renew the lease of a Node; gives its duration in seconds; raises NotFound."""
        if NamespacedName("", name) not in self._view.require_synced().nodes:
            raise not_found(NODE.plural, name)
        self._tracker.renew(node_lease(name))
        return self._tracker.node_lease_s

    async def save(self) -> None:
        """Save received heartbeats; on failure it raises NotSynced and keeps them."""
        async with self._saving:
            unsaved = self._tracker.take_unsaved()
            if not unsaved:
                return
            try:
                await self._store.save(unsaved)
            except BaseException:
                self._tracker.put_back(unsaved)
                raise

    async def save_periodically(self) -> None:
        """Save at intervals until cancelled, then once more."""
        is_troubled = False
        try:
            while True:
                await asyncio.sleep(self._times.save_s)
                try:
                    await self.save()
                    is_troubled = False
                except DomainError as refusal:
                    if not is_troubled:
                        _log.warning("heartbeats are kept in memory: %s", refusal)
                    is_troubled = True
        finally:
            with contextlib.suppress(DomainError):
                await self.save()

    async def expire_periodically(self) -> None:
        """Expire leases at intervals, as the elected leader, until cancelled."""
        has_started = False
        while True:
            try:
                if has_started:
                    await self.check()
                else:
                    await self.start_term()
                    has_started = True
            except DomainError as refusal:
                _log.warning("leases could not be checked for expiry: %s", refusal)
            await asyncio.sleep(self._times.sweep_s)

    async def start_term(self) -> None:
        """Begin to lead: every lease gets a full period, and nodes heard by others are learned."""
        self._tracker.start_term()
        await self._store.forget_orphans()
        self._tracker.learn(await self._store.load_kind(NODE.name))
        self._checked_at_s = self._learned_at_s = self._clock()

    async def check(self) -> None:
        """Check once.  A late check follows a stall, of this process or of the database.

        Heartbeats of that time are still queued, here or in other processes.  They are read
        first, and the time of the stall does not count as missed heartbeats.
        """
        since_s, self._checked_at_s = self._clock() - self._checked_at_s, self._clock()
        late_s = since_s if self._has_failed else since_s - self._times.sweep_s
        await self._recover_from_stall(late_s)
        self._has_failed = True
        if self._clock() - self._learned_at_s >= self._times.nodes_s:
            self._tracker.learn(await self._store.load_kind(NODE.name))
            self._learned_at_s = self._clock()
        await self.sweep()
        self._has_failed = False
        self._checked_at_s = self._clock()  # the time of deciding is no stall

    async def sweep(self) -> None:
        """Find expired leases, and write the consequences if there are any."""
        if gone := self._tracker.take_deleted():
            await self._store.forget(gone)
        asked = leases_in_question(self._view.snapshot, self._tracker)
        if asked:
            asked_at_s = self._clock()
            self._tracker.learn(await self._store.load(asked))
            if await self._recover_from_stall(self._clock() - asked_at_s):
                self._tracker.learn(await self._store.load(asked))
        # Usually nothing would change, and then no lock is taken.
        if self._writer.would_change(self._expire):
            await self._writer.write(self._expire)

    def _expire(self, work: Work) -> None:
        expire(work, self._tracker)

    async def _recover_from_stall(self, late_s: float) -> bool:
        """Exclude a stall from the leases and wait for queued heartbeats; says if there was one."""
        if late_s <= LATE_S_MAX:
            return False
        _log.info("no heartbeats were received for %.1f s; that time does not count", late_s)
        self._tracker.exclude(late_s)
        await asyncio.sleep(self._times.settle_s)
        return True


class OwnRegistrar:
    """Registers a Pod through the writer and the leases of this process; raises DomainError."""

    def __init__(self, writer: Writer, leases: Leases, pod: Pod) -> None:
        self._writer, self._leases, self._pod = writer, leases, pod
        self.name = str(pod.metadata.key)

    async def register(self) -> None:
        """Create or replace the Pod."""
        await self._writer.write(lambda work: lifecycle.put(work, self._pod))

    async def renew(self) -> bool:
        """Renew the lease; return whether the Pod is registered."""
        return not (await self._leases.renew([self._pod.metadata.key])).unknown

    async def remove(self) -> None:
        """Delete the Pod immediately, if it is registered."""
        key = self._pod.metadata.key
        with contextlib.suppress(NotFound):
            await self._writer.write(lambda work: lifecycle.delete(work, POD, key, grace_s=0))
