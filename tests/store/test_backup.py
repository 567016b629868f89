"""A backup holds everything at one revision, and brings it back."""

import pytest

from app.domain.objects.kinds import KINDS
from app.domain.snapshot import Snapshot
from app.registry import lifecycle
from app.store.backup import NotARegistryBackup, NotEmpty, backup_lines, restore
from app.store.check import check
from tests.builders import a_pod, a_service
from tests.databases import connected, empty_database
from tests.registries import a_registry


async def backed_up(url: str) -> list[str]:
    async with connected(url) as engine:
        return [line async for line in backup_lines(engine)]


async def registered(url: str) -> Snapshot:
    async with a_registry(url) as registry:
        service = a_service("ent", cluster_ip="", cluster_ips=(), ip_families=())
        await registry.writer.write(lambda work: lifecycle.create(work, service))
        await registry.writer.write(lambda work: lifecycle.create(work, a_pod("ent-1")))
        return registry.view.snapshot


async def test_what_was_backed_up_is_there_again_with_its_allocations(database_url: str) -> None:
    before = await registered(database_url)
    lines = await backed_up(database_url)
    await empty_database(database_url)

    async with connected(database_url) as engine:
        restored = await restore(engine, lines, replace=False)
        assert await check(engine) == ()
    async with a_registry(database_url) as registry:
        after = registry.view.snapshot

    assert restored.revision > before.revision
    for kind in KINDS:
        assert after.of_kind(kind.name) == before.of_kind(kind.name)


async def test_a_running_process_loads_what_was_restored(database_url: str) -> None:
    await registered(database_url)
    lines = await backed_up(database_url)
    async with a_registry(database_url) as registry:
        (service,) = registry.view.snapshot.services.values()
        await registry.writer.write(
            lambda work: lifecycle.put(work, a_service("other", cluster_ips=(), ip_families=()))
        )
        async with connected(database_url) as engine:
            restored = await restore(engine, lines, replace=True)
        snapshot = await registry.view.wait_for(restored.revision, timeout_s=30)

    assert list(snapshot.services) == [service.metadata.key]


async def test_a_registry_that_holds_something_is_not_replaced_unasked(database_url: str) -> None:
    before = await registered(database_url)
    lines = await backed_up(database_url)

    async with connected(database_url) as engine:
        with pytest.raises(NotEmpty):
            await restore(engine, lines, replace=False)
    async with a_registry(database_url) as registry:
        assert registry.view.snapshot.services == before.services


@pytest.mark.parametrize("line", ["", "{", "{}", '{"kind":"WaypostBackup","format":99}'])
async def test_another_file_is_refused(database_url: str, line: str) -> None:
    async with connected(database_url) as engine:
        with pytest.raises(NotARegistryBackup):
            await restore(engine, [line], replace=True)
