"""Leases of all processes are in one table, by one clock."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from sqlalchemy import text

from app.domain.errors import NotSynced
from app.registry.leases.heartbeats import Leases
from app.registry.leases.lease_tracker import Lease, LeaseTracker, node_lease, pod_lease
from app.registry.writes import lifecycle
from app.store.engine import make_engine
from app.store.leases import PostgresLeases
from tests.builders import a_pod, key
from tests.databases import connected
from tests.registries import a_registry

LEASES = [pod_lease(key(f"p{n}")) for n in range(3)]
NEAR_S = 20.0  # seconds that a loaded machine may take between two statements


@pytest.fixture
async def store(database_url: str) -> AsyncGenerator[PostgresLeases, None]:
    async with connected(database_url) as engine:
        yield PostgresLeases(engine)


async def test_saved_leases_load_as_seconds_ago(store: PostgresLeases) -> None:
    await store.save({LEASES[0]: 100.0, LEASES[1]: 0.25})
    ages_s = await store.load(LEASES)

    assert set(ages_s) == set(LEASES[:2])
    assert 100 <= ages_s[LEASES[0]] < 100 + NEAR_S
    assert 0 <= ages_s[LEASES[1]] < NEAR_S


async def test_an_older_heartbeat_does_not_replace_a_newer_one(store: PostgresLeases) -> None:
    await store.save({LEASES[0]: 1.0})
    await store.save({LEASES[0]: 1000.0})
    assert (await store.load(LEASES))[LEASES[0]] < 1.0 + NEAR_S


@pytest.mark.parametrize("is_renewed", [False, True])
async def test_a_renewal_in_the_future_counts_from_now(
    database_url: str, *, is_renewed: bool
) -> None:
    async with connected(database_url) as engine:
        store = PostgresLeases(engine)
        await store.save({LEASES[0]: 0.0})
        async with engine.begin() as connection:  # as if the clock had been put back since
            await connection.execute(text("UPDATE leases SET renewed_at = now() + interval '1h'"))
        if is_renewed:
            await store.save({LEASES[0]: 0.0})
        assert (await store.load(LEASES))[LEASES[0]] < NEAR_S
        async with engine.connect() as connection:
            is_past = text("SELECT renewed_at <= clock_timestamp() FROM leases")
            assert await connection.scalar(is_past)


async def test_leases_are_loaded_by_kind_and_deleted(store: PostgresLeases) -> None:
    await store.save({node_lease("p0"): 1.0, Lease("Node", key("p0")): 2.0, LEASES[0]: 3.0})
    assert set(await store.load_kind("Node")) == {node_lease("p0"), Lease("Node", key("p0"))}

    await store.forget([node_lease("p0")])
    assert set(await store.load_kind("Node")) == {Lease("Node", key("p0"))}
    assert set(await store.load([LEASES[0]])) == {LEASES[0]}


async def test_leases_of_unregistered_objects_are_deleted(database_url: str) -> None:
    async with a_registry(database_url) as registry, connected(database_url) as engine:
        store = PostgresLeases(engine)
        await registry.writer.write(lambda work: lifecycle.create(work, a_pod("p0")))
        await store.save(dict.fromkeys(LEASES, 0.0))
        await store.forget_orphans()
        assert set(await store.load(LEASES)) == {LEASES[0]}


async def test_two_processes_that_save_the_same_leases_do_not_deadlock(database_url: str) -> None:
    many = [pod_lease(key(f"p{n}")) for n in range(500)]
    async with connected(database_url) as one, connected(database_url) as other:
        await asyncio.gather(
            *(
                PostgresLeases(engine).save(dict.fromkeys(order, 0.0))
                for engine in (one, other)
                for order in (many, many[::-1])
            )
        )
        assert len(await PostgresLeases(one).load(many)) == len(many)


async def test_an_unreachable_database_is_a_refusal() -> None:
    engine = make_engine("postgresql://127.0.0.1:1/nowhere")
    with pytest.raises(NotSynced):
        await PostgresLeases(engine).save({LEASES[0]: 0.0})
    await engine.dispose()


async def test_no_process_expires_pods_that_another_one_hears(database_url: str) -> None:
    now_s = 0.0
    async with a_registry(database_url) as registry, connected(database_url) as engine:
        pods = [a_pod(f"p{n}", lease_duration_s=30) for n in range(2)]
        for pod in pods:
            await registry.writer.write(lambda work, new=pod: lifecycle.create(work, new))

        def a_process() -> Leases:
            tracker = LeaseTracker(clock=lambda: now_s)
            tracker.follow(registry.view)
            store = PostgresLeases(engine)
            return Leases(registry.view, registry.writer, store, tracker=tracker)

        leader, listener = a_process(), a_process()
        await leader.start_term()
        for _ in range(3):
            now_s += 25.0
            await listener.renew([key("p0")])
            await listener.save()
            await leader.sweep()

        assert registry.view.snapshot.pods[key("p0")].is_ready
        assert registry.view.snapshot.pods[key("p1")].has_expired_lease
