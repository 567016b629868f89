"""Commands on the database that need no running registry, and where the database is.

    Settings -> URL -> engine -> migrate | backup | restore | check

A command that ends needs neither the API nor the DNS, so this module imports neither.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from app.administrators import issue_by_database
from app.config import Settings, UnusableSetting, blamed_on
from app.domain.names import Revision
from app.domain.objects.token import Token
from app.registry.writes.settings_check import SETTLED_KINDS, contradictions
from app.replica import policy_of
from app.store.engine import make_engine, parse_url
from app.store.keeping import backup, migrations
from app.store.keeping.backup_file import lines_of, write_whole
from app.store.keeping.check import check, repair
from app.store.keeping.last_backup import note_backup
from app.store.loading import load_kinds

Tell = Callable[[str], None]
"""Takes words on how far something is."""


@asynccontextmanager
async def database(settings: Settings, *, is_made: bool = True) -> AsyncGenerator[str, None]:
    """Yield the URL of the configured database, or of a running embedded one.

    A missing embedded database is created if ``is_made``; else raises UnusableSetting, as it does
    where Waypost is installed without the embedded database.
    """
    if settings.database_url:
        with blamed_on("DATABASE_URL"):
            parse_url(settings.database_url)
        yield settings.database_url
        return
    try:
        from app.store.keeping import embedded  # noqa: PLC0415  small images are without its wheel
    except ModuleNotFoundError as error:
        raise UnusableSetting(
            f"there is no embedded database here ({error.name} is not installed): name another "
            "database with WAYPOST_DATABASE_URL"
        ) from None
    folder = settings.data_dir / "postgres"
    if not is_made and not embedded.is_there(folder):
        raise UnusableSetting(
            f"there is no embedded database in {folder}: name its folder with WAYPOST_DATA_DIR, "
            "or another database with WAYPOST_DATABASE_URL"
        )
    with blamed_on("DATA_DIR"):
        server = await asyncio.to_thread(embedded.start, folder)
    try:
        yield server.url
    finally:
        await asyncio.to_thread(server.stop)


@asynccontextmanager
async def database_engine(
    settings: Settings, *, is_current: bool = True, is_made: bool = True
) -> AsyncGenerator[AsyncEngine, None]:
    """Connect to the database, for tools that need no running registry.

    With ``is_current`` an embedded database is migrated, as ``serve`` does, and another with an
    old schema raises SchemaMismatch.  A missing embedded one is created if ``is_made``, for tools
    that write; for tools that only read it raises UnusableSetting.
    """
    async with database(settings, is_made=is_made) as url:
        engine = make_engine(url)
        try:
            if is_current and not settings.database_url:
                await migrations.migrate(engine)
            if is_current:
                await migrations.require_current(engine)
            yield engine
        finally:
            await engine.dispose()


async def migrate(settings: Settings) -> tuple[str | None, str]:
    """Migrate the configured or the embedded database; return its versions before and after."""
    async with database_engine(settings, is_current=False) as engine:
        return await migrations.migrate(engine)


async def back_up(settings: Settings, file: Path, tell: Tell) -> int:
    """Write a backup to a file; return the number of objects.

    ``tell`` is called with words on how far it is.
    """
    async with database_engine(settings, is_made=False) as engine:
        lines = await write_whole(file, _counted(backup.backup_lines(engine), tell))
        await note_backup(engine)
    return lines - 2  # without header and end


async def _counted(lines: AsyncIterator[bytes], tell: Tell) -> AsyncIterator[bytes]:
    count = 0
    async for line in lines:
        yield line
        count += 1
        tell(f"{count} objects are written")


async def restore(
    settings: Settings, file: Path, tell: Tell, *, replace: bool, loses_all: bool
) -> tuple[int, Revision]:
    """Restore a backup from a file; return the number of objects and the new revision.

    ``tell`` is called with words on how far it is.
    """
    contents = backup.read_backup(lines_of(file, octets_max=backup.LINE_OCTETS_MAX))
    async with database_engine(settings) as engine:
        revision = await backup.restore(
            engine, contents, replace=replace, loses_all=loses_all, tell=tell
        )
    return len(contents.objects), revision


async def found_wrong(settings: Settings, *, repairs: bool) -> tuple[list[str], list[str]]:
    """Find the allocations and the settings that contradict the registered objects.

    With ``repairs`` allocations are repaired; settings are left to the operator.
    """
    async with database_engine(settings, is_made=False) as engine:
        findings = await check(engine)
        if repairs and findings:
            await repair(engine, findings)
        async with engine.connect() as connection:
            state = await load_kinds(connection, SETTLED_KINDS)
    return [str(found) for found in findings], [
        str(found) for found in contradictions(state, policy_of(settings))
    ]


async def administrator_token(settings: Settings) -> tuple[Token, str]:
    """Issue a token for everything by the database alone; return it with its text."""
    async with database_engine(settings, is_made=False) as engine:
        return await issue_by_database(engine, policy_of(settings))
