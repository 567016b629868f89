"""The migrations make exactly the tables that the code speaks of."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from app.store.keeping.migrations import migrate, require_current, scripts_folder
from app.store.tables import metadata
from tests.databases import connected


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, metadata))


async def test_the_migrated_database_has_the_tables_of_the_code(database_url: str) -> None:
    async with connected(database_url) as engine, engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_migrating_twice_changes_nothing(database_url: str) -> None:
    async with connected(database_url) as engine:
        before, after = await migrate(engine)
        await require_current(engine)
    assert before == after


def test_every_migration_bounds_the_wait_for_its_locks() -> None:
    for script in (scripts_folder() / "versions").glob("*.py"):
        assert "SET LOCAL lock_timeout" in script.read_text(), script.name
