"""What a server shows of its database and its writes."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from app.api.dependencies import Registry
from app.domain.errors import AlreadyExists
from app.domain.work import Work
from app.registry.writes import lifecycle
from app.store.engine import CONNECTIONS_MAX, Pool
from tests.builders import a_namespace
from tests.databases import connected
from tests.registries import a_registry
from tests.waiting import until

COUNT, WRITES = "waypost_write_duration_seconds_count", "waypost_writes_total"
PHASES = ("waiting", "deciding", "committing")


def shown(registry: Registry, name: str, **labels: str) -> float:
    return registry.metrics.get_sample_value(name, labels) or 0.0


def creating(name: str) -> Callable[[Work], object]:
    return lambda work: lifecycle.create(work, a_namespace(name))


async def test_each_write_is_counted_by_its_result_and_once_in_each_phase(
    database_url: str,
) -> None:
    async with a_registry(database_url) as registry:
        write = registry.writer.write
        before = {phase: shown(registry, COUNT, phase=phase) for phase in PHASES}
        known = shown(registry, WRITES, result="committed")
        await write(creating("a"))
        await write(creating("b"), dry_run=True)
        await write(lambda _: None)
        with suppress(AlreadyExists):
            await write(creating("a"))
        with suppress(ZeroDivisionError):
            await write(lambda _: 1 // 0)
        assert shown(registry, WRITES, result="committed") == known + 1
        for result in ("dry_run", "unchanged", "refused", "failed"):
            assert shown(registry, WRITES, result=result) == 1, result
        for phase in PHASES:
            assert shown(registry, COUNT, phase=phase) == before[phase] + 5, phase


async def test_writes_that_share_a_commit_are_counted_one_by_one(database_url: str) -> None:
    async with a_registry(database_url) as registry:
        before = shown(registry, WRITES, result="committed")
        await asyncio.gather(*(registry.writer.write(creating(f"n{i}")) for i in range(20)))
        assert shown(registry, WRITES, result="committed") == before + 20


async def test_the_database_is_up_and_followed(database_url: str) -> None:
    async with a_registry(database_url) as registry:
        await until(lambda: shown(registry, "waypost_database_up") == 1)
        assert shown(registry, "waypost_view_lag_revisions") == 0
        assert shown(registry, "waypost_database_connections_max") == CONNECTIONS_MAX
        assert shown(registry, "waypost_database_connections_in_use") >= 1  # the follower's


async def test_a_pool_counts_what_waits_for_a_connection(database_url: str) -> None:
    async with connected(database_url) as engine:
        pool = engine.pool
        assert isinstance(pool, Pool)
        held = [await engine.connect() for _ in range(CONNECTIONS_MAX)]
        assert (pool.checkedout(), pool.waiting) == (CONNECTIONS_MAX, 0)
        waiting = asyncio.create_task(engine.connect().start())
        await until(lambda: pool.waiting == 1)
        await held.pop().close()
        held.append(await waiting)
        assert pool.waiting == 0
        for each in held:
            await each.close()
