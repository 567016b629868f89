"""Heartbeats: heard at once, saved a second later, and judged where one process judges.

    renew -> LeaseBook -> save, one statement a second -> the table
    the table, LeaseBook -> sweep -> settle, only when something would change

Renewing takes no revision and rewrites no object, unless the Pod had already
lapsed: then it is ready again before the heartbeat is answered.

Source: contract.md, "Objects" and "Routes".
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from app.domain.errors import DomainError, not_found
from app.domain.names import NamespacedName
from app.domain.objects.node import NODE
from app.domain.objects.pod import LEASE_EXPIRED
from app.domain.work import Work
from app.registry.leases.lease_expiry import revive, settle, suspects
from app.registry.leases.lease_tracker import LeaseBook, node_lease, pod_lease
from app.registry.ports import LeaseStore, Writer
from app.registry.reads.view import View

SAVE_S = 1.0  # seconds of heartbeats that one statement saves
SWEEP_S = 1.0  # seconds between looks for what has run out
LATE_S_MAX = 0.5  # seconds that a look, or the database's answer, may be late without meaning
SETTLE_S = 1.5  # seconds in which, after a stall, waiting heartbeats are read and saved
NODES_S = 10.0  # seconds between looks for nodes that others have heard first

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Renewal:
    """Which Pods were heard, and which are not registered; in the order given."""

    renewed: tuple[NamespacedName, ...]
    unknown: tuple[NamespacedName, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """What leases go by: a clock in seconds, and how long a stall is made up for."""

    clock: Callable[[], float] = time.monotonic
    settle_s: float = SETTLE_S


TIMES = Times()


class Leases:
    """The leases of one process; of all processes, one oversees."""

    def __init__(
        self,
        view: View,
        writer: Writer,
        store: LeaseStore,
        *,
        book: LeaseBook,
        times: Times = TIMES,
    ) -> None:
        """Know Pods from ``view``; ``book`` must follow the same one, and go by the same clock."""
        self._view = view
        self._writer = writer
        self._store = store
        self._book = book
        self._times = times
        self._clock = times.clock
        self._looked_at_s = self._learned_at_s = times.clock()
        self._has_failed = False
        self._saving = asyncio.Lock()

    async def renew(self, pods: Collection[NamespacedName]) -> Renewal:
        """Renew the leases of Pods; those that had lapsed are as they were before."""
        snapshot = self._view.require_synced()
        renewed = tuple(key for key in pods if key in snapshot.pods)
        back: set[NamespacedName] = set()
        for key in renewed:
            pod = snapshot.pods[key]
            if pod.lease_duration_s is not None:
                self._book.renew(pod_lease(key))
            ready = pod.ready_condition
            if ready is not None and ready.reason == LEASE_EXPIRED:
                back.add(key)
        if back:
            await self.save()  # first, so that whoever judges finds it
            await self._writer.write(lambda work: revive(work, frozenset(back)), reach=len(back))
        return Renewal(renewed, tuple(key for key in pods if key not in snapshot.pods))

    async def sign_on(self, pods: Collection[NamespacedName]) -> None:
        """Take that Pods are registered again as their heartbeat; new ones need none."""
        await self.renew([key for key in pods if key in self._view.snapshot.pods])

    def renew_node(self, name: str) -> int:
        """Renew the lease of a Node, and tell its seconds; raises NotFound when there is none."""
        if NamespacedName("", name) not in self._view.require_synced().nodes:
            raise not_found(NODE.plural, name)
        self._book.renew(node_lease(name))
        return self._book.node_lease_s

    async def save(self) -> None:
        """Save what has been heard; raises NotSynced, and keeps it, when that is not possible."""
        async with self._saving:
            unsaved = self._book.take_unsaved()
            if not unsaved:
                return
            try:
                await self._store.save(unsaved)
            except BaseException:
                self._book.put_back(unsaved)
                raise

    async def keep_saving(self) -> None:
        """Save again and again, until cancelled; then once more."""
        is_troubled = False
        try:
            while True:
                await asyncio.sleep(SAVE_S)
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

    async def oversee(self) -> None:
        """Judge again and again, as the one process that does, until cancelled."""
        has_begun = False
        while True:
            try:
                if has_begun:
                    await self.look()
                else:
                    await self.begin()
                    has_begun = True
            except DomainError as refusal:
                _log.warning("leases could not be judged: %s", refusal)
            await asyncio.sleep(SWEEP_S)

    async def begin(self) -> None:
        """Take over: everybody gets a full period, and nodes count that were heard before."""
        self._book.begin()
        await self._store.forget_orphans()
        self._book.learn(await self._store.load_kind(NODE.name))
        self._looked_at_s = self._learned_at_s = self._clock()

    async def look(self) -> None:
        """Judge once.  A look that is late follows a stall, of this process or the database.

        Heartbeats of that time wait to be read, here or in other processes: it does not
        count as silence, and they are read first.
        """
        since_s, self._looked_at_s = self._clock() - self._looked_at_s, self._clock()
        await self._listen_again(since_s if self._has_failed else since_s - SWEEP_S)
        self._has_failed = True
        if self._clock() - self._learned_at_s >= NODES_S:
            self._book.learn(await self._store.load_kind(NODE.name))
            self._learned_at_s = self._clock()
        await self.sweep()
        self._has_failed = False
        self._looked_at_s = self._clock()  # what deciding took is nobody's silence

    async def sweep(self) -> None:
        """Look once at who is silent, and write what follows if anything does."""
        if gone := self._book.take_gone():
            await self._store.forget(gone)
        asked = suspects(self._view.snapshot, self._book)
        if asked:
            asked_at_s = self._clock()
            self._book.learn(await self._store.load(asked))
            if await self._listen_again(self._clock() - asked_at_s):
                self._book.learn(await self._store.load(asked))
        # Mostly nothing follows, and then no lock is taken.
        if self._writer.would_change(self._settle):
            await self._writer.write(self._settle)

    def _settle(self, work: Work) -> None:
        settle(work, self._book)

    async def _listen_again(self, late_s: float) -> bool:
        """Make up for a stall, if there was one; says whether there was."""
        if late_s <= LATE_S_MAX:
            return False
        _log.info("heartbeats could not be heard for %.1f s; that time does not count", late_s)
        self._book.excuse(late_s)
        await asyncio.sleep(self._times.settle_s)
        return True
