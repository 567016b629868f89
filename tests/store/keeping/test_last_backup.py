"""Servers know when the registry was last backed up, whoever did it."""

import time

from sqlalchemy import text

from app.store.keeping.last_backup import LastBackup, note_backup
from tests.databases import connected


async def test_the_last_backup_is_the_latest_that_was_noted(database_url: str) -> None:
    async with connected(database_url) as engine:
        last = LastBackup(engine)
        await last.read()
        assert last.at_s is None
        await note_backup(engine)
        async with engine.begin() as connection:
            await connection.execute(
                text("UPDATE backups SET completed_at = completed_at - interval '2 days'")
            )
        await last.read()
        old_s = last.at_s
        await note_backup(engine)
        await last.read()
        assert old_s is not None
        assert last.at_s is not None
        assert last.at_s - old_s > 24 * 3600
        assert abs(last.at_s - time.time()) < 3600  # the database's clock is about this one's


async def test_a_backup_stands_where_its_time_cannot_be_noted(database_url: str) -> None:
    async with connected(database_url) as engine, engine.connect() as holding:
        await holding.execute(text("ALTER TABLE backups RENAME TO hidden"))
        await holding.commit()
        try:
            await note_backup(engine)
        finally:
            await holding.execute(text("ALTER TABLE hidden RENAME TO backups"))
            await holding.commit()
