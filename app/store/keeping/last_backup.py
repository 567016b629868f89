"""When the registry was last backed up: the command notes it, servers show it.

    waypost backup, complete -> the table          the table, once a minute -> at_s

A backup may be written on another machine than those that serve, so the database knows it.
"""

import asyncio
import logging
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from app.store.engine import UNREACHABLE
from app.store.tables import backups

READ_S: Final = 60.0  # seconds between two reads

_log = logging.getLogger(__name__)


async def note_backup(engine: AsyncEngine) -> None:
    """Note that a backup is complete now; where that is refused, the backup stands all the same."""
    statement = insert(backups).values(is_only=True, completed_at=func.now())
    noting = statement.on_conflict_do_update(
        index_elements=[backups.c.is_only], set_={"completed_at": statement.excluded.completed_at}
    )
    try:
        async with engine.begin() as connection:
            await connection.execute(noting)
    except UNREACHABLE as error:
        _log.warning("the time of the backup could not be noted in the database: %r", error)


class LastBackup:
    """Knows when the last backup was complete."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self.at_s: float | None = None
        """Seconds since 1970; None if there was none, or it is not known yet."""

    async def read(self) -> None:
        """Read it once; raises what the driver raises."""
        async with self._engine.connect() as connection:
            at = await connection.scalar(select(backups.c.completed_at))
        self.at_s = None if at is None else at.timestamp()

    async def read_periodically(self) -> None:
        """Read it at intervals until cancelled; an unreachable database is asked again."""
        while True:
            try:
                await self.read()
            except UNREACHABLE as error:
                _log.debug("the time of the last backup could not be read: %r", error)
            await asyncio.sleep(READ_S)
