"""The schema must be this version's; otherwise the operator gets a remedy."""

from collections.abc import AsyncGenerator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from app.store.keeping.migrations import SchemaMismatch, migrate, require_current
from tests.databases import connected

LATER = "9999"


@pytest.fixture
async def ahead(database_url: str) -> AsyncGenerator[AsyncEngine, None]:
    """Give a database that a later version has migrated, for the length of a test."""
    async with connected(database_url) as engine:
        set_version = text("UPDATE alembic_version SET version_num = :version")
        async with engine.begin() as connection:
            current = await connection.scalar(text("SELECT version_num FROM alembic_version"))
            await connection.execute(set_version, {"version": LATER})
        yield engine
        async with engine.begin() as connection:
            await connection.execute(set_version, {"version": current})


async def test_a_database_of_a_later_version_is_left_as_it_is(ahead: AsyncEngine) -> None:
    for look in (migrate, require_current):
        with pytest.raises(SchemaMismatch, match=f"at {LATER}, .* upgrade Waypost") as refused:
            await look(ahead)
        assert "\n" not in str(refused.value)
    async with ahead.connect() as connection:
        assert await connection.scalar(text("SELECT version_num FROM alembic_version")) == LATER
