"""Of all processes that campaign one leads; when it stops or dies, another takes over."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app.store.election import Elected, Work
from tests.databases import connected
from tests.waiting import until

LOCK = 4711


def elected(engine: AsyncEngine, work: Work) -> Elected:
    return Elected(engine, LOCK, work, try_s=0.02, check_s=0.02)


class Duty:
    """Work that records the processes that do it."""

    def __init__(self) -> None:
        self.workers: list[str] = []
        self.history: list[str] = []

    async def by(self, name: str) -> None:
        self.workers.append(name)
        self.history.append(name)
        try:
            await asyncio.Event().wait()
        finally:
            self.workers.remove(name)


@asynccontextmanager
async def campaigning(url: str, duty: Duty, name: str) -> AsyncGenerator[AsyncEngine, None]:
    """Campaign like another process: with separate connections."""
    async with connected(url) as engine:
        running = asyncio.create_task(elected(engine, lambda: duty.by(name)).run())
        try:
            yield engine
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_one_leads_and_another_takes_over_when_it_stops(database_url: str) -> None:
    duty = Duty()
    async with campaigning(database_url, duty, "second"):
        await until(lambda: duty.workers == ["second"])
        async with campaigning(database_url, duty, "third"):
            await asyncio.sleep(0.1)
            assert duty.workers == ["second"]
        async with campaigning(database_url, duty, "fourth"):
            pass
    assert duty.workers == []
    assert duty.history == ["second"]

    async with campaigning(database_url, duty, "fifth"):
        await until(lambda: duty.workers == ["fifth"])


async def test_a_leader_without_its_connection_is_replaced(database_url: str) -> None:
    duty = Duty()
    async with campaigning(database_url, duty, "first"):
        await until(lambda: duty.workers == ["first"])
        async with campaigning(database_url, duty, "second") as engine:
            await kill_the_holder(engine)
            await until(lambda: len(duty.history) > 1 and len(duty.workers) == 1)


async def test_work_that_fails_is_started_again(database_url: str) -> None:
    tries = 0

    async def fail_once() -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise RuntimeError("once")
        await asyncio.Event().wait()

    async with connected(database_url) as engine:
        running = asyncio.create_task(elected(engine, fail_once).run())
        await until(lambda: tries == 2)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def kill_the_holder(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        await connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_locks "
                "WHERE locktype = 'advisory' AND objid = :lock AND granted"
            ),
            {"lock": LOCK},
        )


async def test_an_unreachable_database_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    asked: list[str] = []

    async def refuse() -> None:
        asked.append("refused")
        raise ConnectionRefusedError

    engine = create_async_engine("postgresql+asyncpg://", async_creator=refuse)
    running = asyncio.create_task(elected(engine, lambda: Duty().by("none")).run())
    await until(lambda: len(asked) > 3)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert [record.exc_info for record in caplog.records] == [None]
