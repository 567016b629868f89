"""Allocations without owner and owners without allocation are found, and mended."""

from sqlalchemy import text

from app.domain.objects.service import Service
from app.registry import lifecycle
from app.store.check import check
from tests.builders import a_service, key
from tests.databases import connected
from tests.registries import a_registry


async def test_what_was_tampered_with_is_found_and_mended(database_url: str) -> None:
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
        assert len(await check(engine, repair=True)) == len(found)
        assert await check(engine) == ()
