"""History is compacted by age, down to a minimum number, and readers notice it."""

import asyncio

import pytest
from prometheus_client import generate_latest
from sqlalchemy import text

from app.domain.errors import Expired
from app.domain.names import Revision
from app.registry.writes import lifecycle
from app.store.keeping.compaction import Compactor, compact, log_size
from app.store.loading import HistoryGone, changes_after
from tests.builders import a_namespace
from tests.databases import connected
from tests.registries import a_registry
from tests.waiting import until


async def write_namespaces(url: str, count: int) -> None:
    async with a_registry(url) as registry:
        for number in range(count):
            namespace = a_namespace(f"n-{number}")
            await registry.writer.write(lambda work, new=namespace: lifecycle.create(work, new))


async def age_everything(url: str) -> None:
    async with connected(url) as engine, engine.begin() as connection:
        await connection.execute(
            text("UPDATE changes SET committed_at = committed_at - interval '2 hours'")
        )


async def test_old_changes_are_deleted_but_the_last_ones_stay(database_url: str) -> None:
    await write_namespaces(database_url, 10)
    await age_everything(database_url)

    async with connected(database_url) as engine:
        upto = await compact(engine, history_s=3600, changes_min=4)
        assert await log_size(engine) >= 4
        async with engine.connect() as connection:
            with pytest.raises(HistoryGone):
                await changes_after(connection, Revision(upto - 1), upto=Revision(upto + 1))
            kept = await changes_after(connection, upto, upto=Revision(upto + 2))
    assert [change.revision for change in kept] == [upto + 1, upto + 2]


async def test_only_the_process_that_compacts_knows_the_size_of_the_log(database_url: str) -> None:
    await write_namespaces(database_url, 3)
    async with connected(database_url) as engine:
        compactor = Compactor(engine, history_s=3600)
        assert compactor.size is None
        running = asyncio.create_task(compactor.run())
        await until(lambda: compactor.size is not None)
        assert compactor.size == await log_size(engine)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert compactor.size is None


async def test_the_size_of_the_log_is_a_metric(database_url: str) -> None:
    async with a_registry(database_url) as registry:
        await until(lambda: b"\nwaypost_change_log_changes " in generate_latest(registry.metrics))


async def test_recent_changes_stay_whatever_their_number(database_url: str) -> None:
    await write_namespaces(database_url, 10)

    async with connected(database_url) as engine:
        assert await compact(engine, history_s=3600, changes_min=1) == 0


async def test_a_process_that_starts_after_compaction_knows_what_is_expired(
    database_url: str,
) -> None:
    await write_namespaces(database_url, 10)
    await age_everything(database_url)
    async with connected(database_url) as engine:
        upto = await compact(engine, history_s=3600, changes_min=2)

    async with a_registry(database_url) as registry:
        with pytest.raises(Expired):
            registry.view.history(Revision(upto - 1))
        assert registry.view.history(upto)
