"""Allocations without owner and owners without allocation are found and repaired."""

import pytest
from sqlalchemy import text

from app.domain.objects.service import Service
from app.registry.writes import lifecycle
from app.store.keeping.check import check, repair
from tests.builders import a_namespace, a_service, key
from tests.databases import connected
from tests.registries import a_registry


async def test_tampered_allocations_are_found_and_repaired(database_url: str) -> None:
    async with a_registry(database_url) as registry:
        draft = a_service("ent", cluster_ip="", cluster_ips=(), ip_families=())
        stored = await registry.writer.write(lambda work: lifecycle.create(work, draft))
    assert isinstance(stored, Service)
    (address,) = stored.addresses
    async with connected(database_url) as engine:
        assert await check(engine) == ()
        async with engine.begin() as connection:
            await connection.execute(text("DELETE FROM cluster_ips"))
            await connection.execute(
                text("INSERT INTO cluster_ips VALUES ('10.96.0.99', 'default', 'nobody')")
            )
            await connection.execute(text("INSERT INTO node_ports VALUES (30001, 'a', 'b')"))

        found = {finding.value: finding for finding in await check(engine)}

        assert found[address].recorded is None
        assert found[address].owner == key("ent")
        assert found["10.96.0.99"].owner is None
        assert found["30001"].recorded == key("a/b")
        await repair(engine, found.values())
        assert await check(engine) == ()


@pytest.mark.parametrize("is_of_today", [True, False])
async def test_a_known_state_is_compared_only_at_the_revision_of_the_database(
    database_url: str, *, is_of_today: bool
) -> None:
    async with a_registry(database_url) as registry, connected(database_url) as engine:
        before = registry.view.snapshot
        draft = a_service("ent", cluster_ip="", cluster_ips=(), ip_families=())
        stored = await registry.writer.write(lambda work: lifecycle.create(work, draft))
        known = registry.view.snapshot if is_of_today else before
        assert isinstance(stored, Service)
        assert await check(engine, known=known) == ()
        async with engine.begin() as connection:
            await connection.execute(text("DELETE FROM cluster_ips"))
        found = await check(engine, known=known)
        assert found == await check(engine)
    assert [finding.value for finding in found] == list(stored.addresses)


async def test_a_known_state_is_asked_instead_of_the_stored_objects(database_url: str) -> None:
    async with a_registry(database_url) as registry, connected(database_url) as engine:
        draft = a_service("ent", cluster_ip="", cluster_ips=(), ip_families=())
        await registry.writer.write(lambda work: lifecycle.create(work, draft))
        async with engine.begin() as connection:
            await connection.execute(text("DELETE FROM objects"))
        assert await check(engine, known=registry.view.snapshot) == ()


async def test_a_check_blocks_no_writers(database_url: str) -> None:
    async with a_registry(database_url) as registry, connected(database_url) as engine:
        await registry.writer.write(lambda work: lifecycle.create(work, a_namespace("a")))
        async with engine.begin() as writing:
            await writing.execute(text("SELECT revision FROM counter FOR UPDATE"))
            assert await check(engine) == ()


async def test_rows_changed_by_a_later_write_are_not_repaired(database_url: str) -> None:
    async with a_registry(database_url) as registry, connected(database_url) as engine:
        draft = a_service("ent", cluster_ip="", cluster_ips=(), ip_families=())
        stored = await registry.writer.write(lambda work: lifecycle.create(work, draft))
        assert isinstance(stored, Service)
        (address,) = stored.addresses
        async with engine.begin() as connection:
            await connection.execute(text("DELETE FROM cluster_ips"))
        found = await check(engine)
        async with engine.begin() as connection:
            await connection.execute(text("DELETE FROM objects WHERE kind = 'Service'"))
        await repair(engine, found)
        async with engine.connect() as connection:
            held = await connection.scalar(text("SELECT count(*) FROM cluster_ips"))
    assert [finding.value for finding in found] == [address]
    assert held == 0
