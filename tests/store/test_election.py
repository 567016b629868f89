"""Of all processes that stand, one works; when it stops or dies, another does."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app.store import election
from app.store.election import Elected
from tests.databases import connected
from tests.waiting import until

LOCK = 4711


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits a whole second in a test."""
    monkeypatch.setattr(election, "TRY_S", 0.02)
    monkeypatch.setattr(election, "PULSE_S", 0.02)


class Duty:
    """Work that tells who does it, and that there are never two."""

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
async def standing(url: str, duty: Duty, name: str) -> AsyncGenerator[AsyncEngine, None]:
    """Stand as another process would: with connections of its own."""
    async with connected(url) as engine:
        running = asyncio.create_task(Elected(engine, LOCK, lambda: duty.by(name)).run())
        try:
            yield engine
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_one_works_and_the_other_takes_over_when_it_stops(database_url: str) -> None:
    duty = Duty()
    async with standing(database_url, duty, "second"):
        await until(lambda: duty.workers == ["second"])
        async with standing(database_url, duty, "third"):
            await asyncio.sleep(0.1)
            assert duty.workers == ["second"]
        async with standing(database_url, duty, "fourth"):
            pass
    assert duty.workers == []
    assert duty.history == ["second"]

    async with standing(database_url, duty, "fifth"):
        await until(lambda: duty.workers == ["fifth"])


async def test_whoever_loses_its_connection_stops_and_another_goes_on(database_url: str) -> None:
    duty = Duty()
    async with standing(database_url, duty, "first"):
        await until(lambda: duty.workers == ["first"])
        async with standing(database_url, duty, "second") as engine:
            await kill_the_holder(engine)
            await until(lambda: len(duty.history) > 1 and len(duty.workers) == 1)


async def test_work_that_fails_is_taken_up_again(database_url: str) -> None:
    tries = 0

    async def fail_once() -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise RuntimeError("once")
        await asyncio.Event().wait()

    async with connected(database_url) as engine:
        elected = Elected(engine, LOCK, fail_once)
        running = asyncio.create_task(elected.run())
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


async def test_a_database_that_is_away_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    asked: list[str] = []

    async def refuse() -> None:
        asked.append("refused")
        raise ConnectionRefusedError

    engine = create_async_engine("postgresql+asyncpg://", async_creator=refuse)
    running = asyncio.create_task(Elected(engine, LOCK, lambda: Duty().by("nobody")).run())
    await until(lambda: len(asked) > 3)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert [record.exc_info for record in caplog.records] == [None]
