"""Databases for tests: one server per run, one database per worker, emptied for each test."""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import gettempdir

from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from app.store.engine import make_engine
from app.store.keeping import embedded, migrations

SERVER_URL = os.environ.get("WAYPOST_TEST_DATABASE_URL", "")
"""A server to use instead of the embedded one; its user needs the right to create databases."""

_TABLES = ("objects", "changes", "cluster_ips", "node_ports", "leases", "token_uses", "backups")
_DELETED = ", ".join(f"{table} AS (DELETE FROM public.{table})" for table in _TABLES)  # noqa: S608
# TRUNCATE makes new files for each table: it costs four times as much for the few rows of a test.
_EMPTY = f"WITH {_DELETED} UPDATE counter SET revision = 0, compacted = 0, cursors = '{{}}'"  # noqa: S608


async def create_database(server_url: str, name: str) -> str:
    """Make an empty, migrated database and give its URL."""
    plain = make_url(server_url).set(drivername="postgresql+asyncpg")
    engine = create_async_engine(plain, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
        await connection.execute(text(f'CREATE DATABASE "{name}"'))
    await engine.dispose()
    url = plain.set(drivername="postgresql", database=name)
    made = url.render_as_string(hide_password=False)
    async with connected(made) as engine:
        await migrations.migrate(engine)
    return made


@asynccontextmanager
async def connected(url: str) -> AsyncGenerator[AsyncEngine, None]:
    """Open a pool for the length of a block."""
    engine = make_engine(url)
    try:
        yield engine
    finally:
        await engine.dispose()


async def empty_database(url: str) -> None:
    """Delete everything that an earlier test has left."""
    async with connected(url) as engine, engine.begin() as connection:
        await connection.execute(text(_EMPTY))


def start_server(shared_folder: Path) -> str:
    """Start the run's server unless another worker has, and give its URL.

    Its folder is outside pytest's own, which only the user of the tests may enter.
    """
    return SERVER_URL or embedded.start(_server_folder(shared_folder), is_kept=False).url


def stop_server(shared_folder: Path) -> None:
    """Release the run's server; the last worker stops it and deletes its data."""
    if not SERVER_URL:
        folder = _server_folder(shared_folder)
        embedded.EmbeddedPostgres(url="", folder=folder.resolve()).stop()


def _server_folder(shared_folder: Path) -> Path:
    return Path(gettempdir()) / f"waypost-{shared_folder.parent.name}-{shared_folder.name}"
