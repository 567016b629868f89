"""Commits: decisions become revisions, several in one transaction when they queue.

    queue of decisions -> lock the counter -> decide each on the state so far
                       -> rows, log, NOTIFY -> commit -> view.show -> answers

The counter's row is locked first, so commits are in the order of revisions and each decision
sees the current state: commits of other processes are read from the log under the lock.  When
the last commit was made by this process, it tries everything in one statement, which writes
only if the counter is unchanged; if it has changed, or there is nothing to write, the lock is
taken.  Answers, also refusals, are sent only after the commit that they depend on.  A decision
that may touch many objects runs in a thread without the lock, and again when other processes
commit meanwhile.  Every step has a timeout, so that a write is answered within ``WRITE_S_MAX``
whatever the database does.

Source: style.md 2, decision 1, and 7.1 to 7.3.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from time import perf_counter
from typing import TypeVar
from uuid import uuid4

from asyncpg import DiskFullError, PostgresError, UniqueViolationError
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.domain.errors import NotSynced, Unconfirmed
from app.domain.names import Revision, Uid
from app.domain.snapshot import Snapshot
from app.domain.work import Policy, Work
from app.registry.reads.view import View
from app.registry.threads import in_thread
from app.store.batch import Batch
from app.store.change_log import ChangeLogFollower
from app.store.engine import CONNECT_S_MAX, LOCK_S_MAX, UNREACHABLE, connected, driver_of
from app.store.loading import (
    Forked,
    HistoryGone,
    changes_after,
    is_known_to_agree,
    require_agreement,
)
from app.store.saving import SAVE_S_MAX, save
from app.store.tables import AnyRow, counter
from app.store.write_log import log_writes
from app.store.write_meter import WriteMeter
from app.store.write_queue import QUEUED_S_MAX, WriteQueue
from app.telemetry.tracing import span

LONG_TRIES_MAX = 3  # attempts of a long decision without the lock, when others commit
BEGIN_S_MAX = CONNECT_S_MAX + LOCK_S_MAX  # seconds until the lock is held and the state current
_DISCARD_S = 2.0  # seconds of the driver to leave a server that does not answer
WRITE_S_MAX = QUEUED_S_MAX + BEGIN_S_MAX + 2 * SAVE_S_MAX + 2 * _DISCARD_S
"""Seconds within which a write that touches few objects is answered, when none that touches many
is queued before it; the time of the decision itself is not counted."""

T = TypeVar("T")
_log = logging.getLogger(__name__)


class PostgresWriter:
    """The writer of a process; implements ``app.registry.ports.Writer``."""

    def __init__(
        self,
        engine: AsyncEngine,
        view: View,
        *,
        policy: Policy,
        conclude: Callable[[Work], None],
        follower: ChangeLogFollower,
    ) -> None:
        """Commit to ``engine`` and show it in ``view``; ``conclude`` completes every decision.

        ``follower`` knows whether the database is reachable, and its time.
        """
        self.queue = WriteQueue()
        self.meter = WriteMeter()
        self._engine = engine
        self._view = view
        self._policy = policy
        self._conclude = conclude
        self._follower = follower
        self._counter: tuple[Revision | None, Mapping[str, int]] = (None, {})  # as last seen here

    async def write(
        self, decide: Callable[[Work], T], *, dry_run: bool = False, reach: int = 1
    ) -> T:
        """Queue a decision and wait for its commit; see ``app.registry.ports.Writer``."""
        if problem := self._follower.problem:
            raise NotSynced(f"the database {problem}; the write did not happen")
        return await self.queue.answered(decide, dry_run=dry_run, reach=reach)

    def would_change(self, decide: Callable[[Work], object]) -> bool:
        """Try a decision on the view's state; see ``app.registry.ports.Writer``."""
        snapshot = self._view.require_synced()
        work = self._work(snapshot, {})
        decide(work)
        return bool(work.changes())

    def _work(self, snapshot: Snapshot, cursors: Mapping[str, int]) -> Work:
        return Work(
            snapshot=snapshot,
            revision=Revision(snapshot.revision + 1),
            now=self._follower.clock.now(),
            new_uid=lambda: Uid(str(uuid4())),
            policy=self._policy,
            cursors=cursors,
        )

    async def run(self) -> None:
        """Commit queued decisions, until cancelled; a current commit is finished first."""
        try:
            while True:
                committing = asyncio.ensure_future(self._settle(Batch(await self.queue.batch())))
                try:
                    await asyncio.shield(committing)
                except asyncio.CancelledError:
                    await committing
                    raise
        finally:
            self.queue.refuse_all("this process is shutting down")

    async def _settle(self, batch: Batch) -> None:
        begun_at = perf_counter()
        try:
            held = self.queue.held() if batch.is_long else nullcontext()
            with held, span("write", parent=batch.jobs[0].origin.traceparent):
                await self._commit(batch)
        except UniqueViolationError:
            # An address or port is free in the snapshot, but allocated in the table.
            # `waypost check` finds the row without an owner.
            _log.exception("the database refused an allocation that is free in the snapshot")
            batch.fail(NotSynced("an allocation has no owner: run `waypost check`"))
        except (HistoryGone, Forked) as error:
            batch.fail(NotSynced(f"{error}: the state is being loaded again"))
        except UNREACHABLE as error:
            self._fail(batch, error)
        except Exception as bug:  # noqa: BLE001  a supervision point: the writer must not end
            _log.exception("%d writes failed by an internal error", len(batch.jobs))
            batch.fail(bug)
        self.meter.ended(batch, begun_at=begun_at)
        await self._view.show(batch.changes, decided=(batch.before, batch.snapshot))
        for job in batch.jobs:
            job.settle()
        log_writes(batch.jobs)

    def _fail(self, batch: Batch, error: Exception) -> None:
        """Refuse the decisions of the failed transaction, and all queued ones."""
        _log.warning("the database failed, and %d writes: %r", len(batch.jobs), error)
        if batch.is_committing:
            batch.fail(
                Unconfirmed("the database failed during the commit: the write may have happened")
            )
        else:
            full = isinstance(getattr(error, "orig", error), DiskFullError)
            problem = "the disk of the database is full" if full else "the database failed"
            batch.fail(NotSynced(f"{problem}; the write did not happen"))
        self.queue.refuse_all("the database failed")

    async def _commit(self, batch: Batch) -> None:
        try:
            await self._transact(batch)
        except DBAPIError as error:
            # A pooled connection may have died since its last use: nothing was decided yet.
            if batch.has_begun or not error.connection_invalidated:
                raise
            await self._transact(batch)

    async def _transact(self, batch: Batch) -> None:
        async with connected(self._engine) as connection:
            is_done = await self._commit_optimistically(connection, batch)
            for _ in range(LONG_TRIES_MAX if batch.is_long else 0):
                if is_done or (batch.is_decided and not batch.changes):
                    break
                await self._catch_up_unlocked(connection)
                is_done = await self._commit_optimistically(connection, batch)
            if not is_done:
                await self._transact_locked(connection, batch)
        self._counter = batch.snapshot.revision, batch.cursors

    async def _catch_up_unlocked(self, connection: AsyncConnection) -> None:
        """Show commits of other processes, so that a long decision runs without the lock."""
        async with asyncio.timeout(BEGIN_S_MAX):
            row = (await connection.execute(_COUNTER)).one()
            await self._catch_up(connection, row)
            await connection.rollback()
        self._counter = Revision(row.revision), row.cursors

    async def _commit_optimistically(self, connection: AsyncConnection, batch: Batch) -> bool:
        """Commit in one statement if no other process has committed; says whether it is done.

        Without changes the statement proves nothing about the counter: the decisions are then
        confirmed under the lock.
        """
        snapshot = self._view.require_synced()
        revision, cursors = self._counter
        if revision != snapshot.revision:
            return False
        driver = await driver_of(connection)
        if driver.is_closed() or not is_known_to_agree(connection):
            return False
        batch.begin(snapshot, cursors)
        await self._decide_all(batch)
        if not batch.changes:
            return False
        batch.is_committing = True
        try:
            is_done = await save(connection, batch.changes, batch.cursors, after=snapshot.revision)
        except PostgresError:
            batch.is_committing = driver.is_closed()  # a server that refuses has not committed
            raise
        batch.is_committing = is_done
        return is_done

    async def _transact_locked(self, connection: AsyncConnection, batch: Batch) -> None:
        async with asyncio.timeout(BEGIN_S_MAX):
            await self._begin(connection, batch)
        if not batch.is_decided:
            await self._decide_all(batch)
        # Each part of a long batch has a timeout; other batches have one for all.
        async with asyncio.timeout(None if batch.is_long else SAVE_S_MAX):
            if batch.changes:
                await save(connection, batch.changes, batch.cursors, after=batch.before.revision)
            async with asyncio.timeout(SAVE_S_MAX):
                if not batch.changes:
                    await connection.rollback()
                    return
                batch.is_committing = True
                await connection.commit()

    async def _begin(self, connection: AsyncConnection, batch: Batch) -> None:
        """Lock the counter, and show commits of other processes; no others can follow.

        Most of them are read before the lock is taken, while others can continue to write.
        """
        await self._catch_up(connection, (await connection.execute(_COUNTER)).one())
        row = (await connection.execute(_COUNTER.with_for_update())).one()
        await self._catch_up(connection, row)
        if row.revision != batch.before.revision:
            batch.is_decided = False
        if not batch.is_decided:
            batch.begin(self._view.snapshot, row.cursors)
        batch.has_begun = True

    async def _catch_up(self, connection: AsyncConnection, row: AnyRow) -> None:
        seen = self._view.require_synced().revision
        await require_agreement(connection, self._view, seen, row)
        while (seen := self._view.snapshot.revision) < row.revision:
            upto = Revision(row.revision)
            await self._view.show(await changes_after(connection, seen, upto=upto))

    async def _decide_all(self, batch: Batch) -> None:
        begun_at = perf_counter()
        if batch.is_long:
            await in_thread(self._decide, batch)
        else:
            self._decide(batch)
        batch.decided_s += perf_counter() - begun_at
        batch.is_decided = True

    def _decide(self, batch: Batch) -> None:
        for job in batch.jobs:
            work = self._work(batch.snapshot, batch.cursors)
            job.refusal, job.changes = None, ()
            try:
                with span("decide", parent=job.origin.traceparent):
                    job.result = job.decide(work)
                    self._conclude(work)
            except Exception as error:  # noqa: BLE001  a refusal or a bug must not fail its neighbours
                job.refusal = error
                continue
            decided = work.changes()
            if decided and not job.dry_run:
                batch.snapshot, batch.cursors = work.snapshot, work.cursors
                batch.changes.extend(decided)
                job.changes = decided


_COUNTER = select(counter.c.revision, counter.c.compacted, counter.c.cursors)
