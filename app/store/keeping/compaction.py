"""Compaction of the change log: changes are kept for a time, and at least a minimum number.

    age, count -> the revision up to which changes are deleted -> batches of deletions

Writers are not blocked: the new start of history is announced first, and changes before it are
deleted in batches, each in its own transaction.

Source: contract.md, "Processes and defaults" (``HISTORY_SECONDS``).
"""

import asyncio
import logging

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.domain.names import REVISION_ZERO, Revision
from app.store.engine import UNREACHABLE
from app.store.tables import changes, counter

CHANGES_MIN = 10_000  # changes kept whatever their age
REVISIONS_A_BATCH = 1_000  # revisions deleted in one transaction
COMPACTION_PERIOD_S = 60

_log = logging.getLogger(__name__)


class Compactor:
    """Compacts at intervals, and counts the remaining changes."""

    def __init__(self, engine: AsyncEngine, *, history_s: int) -> None:
        self._engine = engine
        self._history_s = history_s
        self.size: int | None = None
        """Changes in the log, as last counted; None while this process does not compact."""

    async def run(self) -> None:
        """Compact until cancelled; while the database is unreachable it retries."""
        try:
            while True:
                try:
                    await compact(self._engine, history_s=self._history_s)
                    self.size = await log_size(self._engine)
                except UNREACHABLE as error:
                    _log.warning("the change log could not be compacted: %r", error)
                await asyncio.sleep(COMPACTION_PERIOD_S)
        finally:
            self.size = None


async def compact(
    engine: AsyncEngine, *, history_s: int, changes_min: int = CHANGES_MIN
) -> Revision:
    """Delete changes older than ``history_s`` that are not among the last ``changes_min``.

    Returns the revision up to which all are deleted.
    """
    async with engine.begin() as connection:
        upto = await _forgettable(connection, history_s, changes_min)
        known = await connection.scalar(select(counter.c.compacted))
        if upto <= (known or 0):
            return Revision(known or 0)
        await connection.execute(update(counter).values(compacted=upto))
    while await _delete_batch(engine, upto):
        pass
    return upto


async def log_size(engine: AsyncEngine) -> int:
    """Count the changes in the log."""
    async with engine.connect() as connection:
        return await connection.scalar(select(func.count()).select_from(changes)) or 0


async def _forgettable(connection: AsyncConnection, history_s: int, changes_min: int) -> Revision:
    """Find the last revision that neither age nor number protects."""
    old_enough = (
        select(func.max(changes.c.revision))
        .where(changes.c.committed_at < func.now() - text(f"interval '{int(history_s)} seconds'"))
        .scalar_subquery()
    )
    beyond_number = (
        select(changes.c.revision)
        .order_by(changes.c.revision.desc(), changes.c.ordinal.desc())
        .offset(changes_min)
        .limit(1)
        .scalar_subquery()
    )
    aged, beyond = (await connection.execute(select(old_enough, beyond_number - 1))).one()
    return REVISION_ZERO if aged is None or beyond is None else Revision(min(aged, beyond))


async def _delete_batch(engine: AsyncEngine, upto: Revision) -> bool:
    async with engine.begin() as connection:
        first = await connection.scalar(select(func.min(changes.c.revision)))
        if first is None or first > upto:
            return False
        last = min(first + REVISIONS_A_BATCH - 1, upto)
        await connection.execute(delete(changes).where(changes.c.revision <= last))
        return last < upto
