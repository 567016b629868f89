"""The schema's version, in the code and in the database, and the migration between them.

    database -> version          code -> head          migrate: version -> head

The scripts are in the checkout next to the ``app`` folder, or inside it when Waypost was
installed as a wheel.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

import app
from app.store.engine import LOCK_S_MAX

_LOCK = 0x57_41_59_50  # "WAYP": the advisory lock under which migrations run


class SchemaMismatch(ValueError):
    """The database is behind or ahead of this version of Waypost."""


def scripts_folder() -> Path:
    """Find the migration scripts, installed or checked out."""
    package = Path(app.__file__).parent
    installed = package / "migrations"
    return installed if installed.is_dir() else package.parent / "migrations"


async def migrate(engine: AsyncEngine) -> tuple[str | None, str]:
    """Bring the database to the head; returns its versions before and after.

    Raises SchemaMismatch when the database is ahead of this version.
    Safe to run in several processes at once: the first migrates, the others wait.
    """
    async with engine.begin() as connection:
        return await connection.run_sync(_migrate)


async def require_current(engine: AsyncEngine) -> None:
    """Raise SchemaMismatch, with the remedy, unless versions match."""
    head = _head()
    async with engine.connect() as connection:
        found = await connection.run_sync(_version)
    if found == head:
        return
    if found is None:
        raise SchemaMismatch(f"the database is empty (want {head}): run `waypost migrate`")
    _require_known(found)
    raise SchemaMismatch(f"the database is behind: at {found}, want {head}: run `waypost migrate`")


def _require_known(found: str) -> None:
    """Raise SchemaMismatch when a later version of Waypost has migrated the database."""
    if found not in {script.revision for script in _scripts().walk_revisions()}:
        raise SchemaMismatch(
            f"the database is ahead: at {found}, this Waypost knows up to {_head()}: "
            "upgrade Waypost"
        )


def _migrate(connection: Connection) -> tuple[str | None, str]:
    # A migration may take long, and other processes wait for it without a timeout.
    connection.execute(text("SET LOCAL lock_timeout = 0"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_S_MAX}s'"))
    before = _version(connection)
    if before is not None:
        _require_known(before)
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    return before, _head()


def _version(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(scripts_folder()))
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _head() -> str:
    head = _scripts().get_current_head()
    assert head is not None, "there is a first migration"
    return head
