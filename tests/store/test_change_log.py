"""All processes use the database's time, whatever their own clocks show."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import SQLAlchemyError

from app.domain.work import Policy
from app.registry.reads.view import View
from app.registry.writes import lifecycle
from app.registry.writes.reconcile import reconcile
from app.store.change_log import ChangeLogFollower, DatabaseClock
from app.store.writer import PostgresWriter
from tests.builders import a_namespace
from tests.databases import connected

NEAR = timedelta(minutes=5)
NOON = datetime(2031, 5, 1, 12, 0, 0, 700_000, tzinfo=UTC)


def test_it_is_the_reported_time_and_the_time_since() -> None:
    passed_s = [100.0]
    clock = DatabaseClock(monotonic=lambda: passed_s[0])
    clock.update(NOON)
    assert clock.now() == NOON.replace(microsecond=0)
    passed_s[0] += 61.5
    assert clock.now() == NOON.replace(microsecond=0) + timedelta(seconds=62)
    clock.update(NOON - timedelta(hours=1))
    assert clock.now() == NOON.replace(microsecond=0) - timedelta(hours=1)


def test_before_the_first_update_it_is_the_machines_time() -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    assert before <= DatabaseClock().now() <= datetime.now(UTC)


async def test_a_follower_updates_the_clock_and_writes_have_its_time(database_url: str) -> None:
    async with connected(database_url) as engine:
        follower, view = ChangeLogFollower(engine, View()), View()
        follower.clock.update(NOON)
        await follower.load()
        assert abs(follower.clock.now() - datetime.now(UTC)) < NEAR
        ahead = ChangeLogFollower(engine, view)
        await ahead.load()
        ahead.clock.update(NOON)  # as of a database that is years ahead of this machine
        writer = PostgresWriter(engine, view, policy=Policy(), conclude=reconcile, follower=ahead)
        running = asyncio.create_task(writer.run())
        made = await writer.write(lambda work: lifecycle.create(work, a_namespace("shop")))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert made.metadata.created_at is not None
    assert abs(made.metadata.created_at - NOON) < NEAR


async def test_the_age_of_contact_begins_anew_when_all_changes_have_been_read(
    database_url: str,
) -> None:
    passed_s = [0.0]
    async with connected(database_url) as engine:
        follower = ChangeLogFollower(engine, View(), monotonic=lambda: passed_s[0])
        passed_s[0] = 30
        assert follower.contact_age_s == 30
        await follower.load()
        assert follower.contact_age_s == 0
        passed_s[0] = 45
        assert follower.contact_age_s == 15
        async with engine.connect() as connection:
            assert not await follower.poll(connection)
        assert follower.contact_age_s == 0


async def test_a_database_that_cannot_be_reached_makes_the_contact_older(
    database_url: str,
) -> None:
    passed_s = [0.0]
    async with connected(database_url) as engine:
        follower = ChangeLogFollower(engine, View(), monotonic=lambda: passed_s[0])
        await follower.load()
        async with engine.connect() as connection:
            await connection.close()
            passed_s[0] = 61
            with pytest.raises(SQLAlchemyError):
                await follower.poll(connection)
        assert follower.contact_age_s == 61
