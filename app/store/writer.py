"""Commits: decisions become revisions, several in one transaction when they queue.

    queue of decisions -> lock the counter -> decide each on the state so far
                       -> rows, log, NOTIFY -> commit -> view.advance -> answers

The counter's row is locked first, so order of commit is order of revision and
the state each decision sees is current: what other processes committed is read
from the log under the lock.  An answer, refusals too, leaves only after the
commit that it rests on.

Source: style.md 2, decision 1, and 7.1 to 7.3.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from uuid import uuid4

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.domain.changes import Change
from app.domain.errors import DomainError, NotSynced
from app.domain.names import NamespacedName, Revision, Uid
from app.domain.objects.kinds import Object
from app.domain.snapshot import Snapshot
from app.registry.view import View
from app.registry.work import Policy, Work
from app.store.change_log import CHANNEL
from app.store.loading import changes_after
from app.store.mapping import (
    addresses_held,
    change_rows,
    object_rows,
    ports_held,
    removed_rows,
)
from app.store.tables import changes, cluster_ips, counter, node_ports, objects

BATCH_MAX = 64  # decisions committed together
QUEUE_MAX = 1_024  # decisions waiting; one more is refused
UNREACHABLE = (DBAPIError, OSError, TimeoutError)

T = TypeVar("T")
_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Job(Generic[T]):
    decide: Callable[[Work], T]
    dry_run: bool
    answer: "asyncio.Future[T]"
    result: T | None = None
    refusal: BaseException | None = None

    def settle(self) -> None:
        if self.answer.done():
            return  # the caller has gone away; what was decided stands
        if self.refusal is not None:
            self.answer.set_exception(self.refusal)
        else:
            self.answer.set_result(self.result)  # type: ignore[arg-type]


@dataclass(slots=True)
class _Batch:
    """What a transaction has decided so far."""

    snapshot: Snapshot
    revision: Revision
    cursors: Mapping[str, int]
    changes: list[Change] = field(default_factory=list[Change])


class PostgresWriter:
    """The one writer of a process; fulfils ``app.registry.ports.Writer``."""

    def __init__(
        self,
        engine: AsyncEngine,
        view: View,
        *,
        policy: Policy,
        conclude: Callable[[Work], None],
    ) -> None:
        """Commit to ``engine`` and show it in ``view``; ``conclude`` ends every decision."""
        self._engine = engine
        self._view = view
        self._policy = policy
        self._conclude = conclude
        self._queue: asyncio.Queue[_Job[Any]] = asyncio.Queue(QUEUE_MAX)

    async def write(self, decide: Callable[[Work], T], *, dry_run: bool = False) -> T:
        """Queue a decision and wait for its commit; see ``app.registry.ports.Writer``."""
        job = _Job(decide, dry_run, asyncio.get_running_loop().create_future())
        try:
            self._queue.put_nowait(job)
        except asyncio.QueueFull:
            raise NotSynced(f"{QUEUE_MAX} writes are waiting already") from None
        return await job.answer

    async def run(self) -> None:
        """Commit what is queued, until cancelled; what is being committed is finished first."""
        try:
            while True:
                jobs = [await self._queue.get()]
                while len(jobs) < BATCH_MAX and not self._queue.empty():
                    jobs.append(self._queue.get_nowait())
                committing = asyncio.ensure_future(self._settle(jobs))
                try:
                    await asyncio.shield(committing)
                except asyncio.CancelledError:
                    await committing
                    raise
        finally:
            self._refuse_queued()

    def _refuse_queued(self) -> None:
        refusal = NotSynced("this process is shutting down; the write did not happen")
        while not self._queue.empty():
            job = self._queue.get_nowait()
            job.refusal = refusal
            job.settle()

    async def _settle(self, jobs: "list[_Job[Any]]") -> None:
        try:
            committed = await self._commit(jobs)
        except IntegrityError:
            # Two allocations of one address or port: the database's promise holds, ours
            # did not.  `waypost check` tells which row has no owner.
            _log.exception("the database refused an allocation the snapshot thought free")
            refusal = NotSynced("an address or port is held by nobody: run `waypost check`")
            committed = _failed(jobs, refusal)
        except UNREACHABLE:
            _log.warning("the database failed; %d writes with it", len(jobs), exc_info=True)
            refusal = NotSynced("the database failed; the write may not have happened")
            committed = _failed(jobs, refusal)
        self._view.advance(committed)
        for job in jobs:
            job.settle()

    async def _commit(self, jobs: "list[_Job[Any]]") -> tuple[Change, ...]:
        async with self._engine.begin() as connection:
            lock = select(counter.c.revision, counter.c.cursors).with_for_update()
            row = (await connection.execute(lock)).one()
            base = Revision(row.revision)
            await self._catch_up(connection, base)
            batch = _Batch(self._view.snapshot, base, row.cursors)
            for job in jobs:
                self._decide(batch, job)
            if batch.changes:
                await _save(connection, batch)
        return tuple(batch.changes)

    async def _catch_up(self, connection: AsyncConnection, base: Revision) -> None:
        """Show the view what others committed; under the lock nothing more can come."""
        self._view.require_synced()
        seen = self._view.snapshot.revision
        if seen < base:
            self._view.advance(await changes_after(connection, seen, upto=base))

    def _decide(self, batch: _Batch, job: "_Job[Any]") -> None:
        work = Work(
            snapshot=batch.snapshot,
            revision=Revision(batch.revision + 1),
            now=datetime.now(UTC).replace(microsecond=0),
            new_uid=lambda: Uid(str(uuid4())),
            policy=self._policy,
            cursors=batch.cursors,
        )
        try:
            job.result = job.decide(work)
            self._conclude(work)
        except DomainError as refusal:
            job.refusal = refusal
            return
        except Exception as bug:  # noqa: BLE001  one decision's bug must not fail its neighbours
            job.refusal = bug
            return
        decided = work.changes()
        if decided and not job.dry_run:
            batch.snapshot, batch.revision, batch.cursors = (
                work.snapshot,
                work.revision,
                work.cursors,
            )
            batch.changes.extend(decided)


def _failed(jobs: "list[_Job[Any]]", refusal: DomainError) -> tuple[Change, ...]:
    for job in jobs:
        job.refusal = refusal
    return ()


async def _save(connection: AsyncConnection, batch: _Batch) -> None:
    """Write what a batch decided; every statement is skipped when it has no rows."""
    await save_allocations(connection, batch.changes)
    if gone := removed_rows(batch.changes):
        await connection.execute(_DELETE_OBJECT, gone)
    if kept := object_rows(batch.changes):
        await connection.execute(_UPSERT_OBJECT, kept)
    await connection.execute(insert(changes), change_rows(batch.changes))
    await connection.execute(
        update(counter).values(revision=batch.revision, cursors=dict(batch.cursors))
    )
    await announce(connection, batch.revision)


async def announce(connection: AsyncConnection, revision: Revision) -> None:
    """Tell every process, once this transaction is committed, that there is a revision."""
    await connection.execute(select(func.pg_notify(CHANNEL, str(revision))))


async def save_allocations(connection: AsyncConnection, decided: list[Change]) -> None:
    """Release what was given back, then record who took what; a second holder is refused."""
    for moved, release, table, column in (
        (_moved(decided, addresses_held), _RELEASE_IP, cluster_ips, "address"),
        (_moved(decided, ports_held), _RELEASE_PORT, node_ports, "port"),
    ):
        if moved.released:
            await connection.execute(release, [{"old": value} for value in moved.released])
        if moved.taken:
            rows = [
                {column: value, "namespace": holder.namespace, "service": holder.name}
                for value, holder in moved.taken.items()
            ]
            await connection.execute(insert(table), rows)


_Held = TypeVar("_Held", str, int)


@dataclass(frozen=True, slots=True)
class _Moved(Generic[_Held]):
    """Rows to go, held before by someone of this batch, and rows to come."""

    released: set[_Held]
    taken: dict[_Held, NamespacedName]


def _moved(decided: list[Change], held: Callable[[Object | None], set[_Held]]) -> _Moved[_Held]:
    released: set[_Held] = set()
    taken: dict[_Held, NamespacedName] = {}
    for change in decided:
        before, after = held(change.before), held(change.after)
        for value in before - after:
            if taken.pop(value, None) is None:
                released.add(value)
        taken.update(dict.fromkeys(after - before, change.key))
    return _Moved(released, taken)


_DELETE_OBJECT = delete(objects).where(
    objects.c.kind == bindparam("old_kind"),
    objects.c.namespace == bindparam("old_namespace"),
    objects.c.name == bindparam("old_name"),
)
_OBJECT = insert(objects)
_UPSERT_OBJECT = _OBJECT.on_conflict_do_update(
    index_elements=[objects.c.kind, objects.c.namespace, objects.c.name],
    set_={
        "uid": _OBJECT.excluded.uid,
        "revision": _OBJECT.excluded.revision,
        "body": _OBJECT.excluded.body,
    },
)
_RELEASE_IP = delete(cluster_ips).where(cluster_ips.c.address == bindparam("old"))
_RELEASE_PORT = delete(node_ports).where(node_ports.c.port == bindparam("old"))
