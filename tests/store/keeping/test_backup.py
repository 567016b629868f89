"""A backup has everything at one revision, and restores it."""

from dataclasses import replace

import pytest

from app.domain.objects.service_cidr import ServiceCIDR
from app.domain.resources import RESOURCES
from app.domain.snapshot import Snapshot
from app.registry.writes import lifecycle
from app.store.keeping.backup import (
    NotARegistryBackup,
    WouldLose,
    backup_lines,
    read_backup,
    restore,
)
from app.store.keeping.check import check
from tests.builders import a_pod, a_service
from tests.databases import connected, empty_database
from tests.registries import a_registry
from tests.store.damages import DAMAGES, Damage


async def backed_up(url: str) -> list[bytes]:
    async with connected(url) as engine:
        return [line async for line in backup_lines(engine)]


async def registered(url: str) -> Snapshot:
    async with a_registry(url) as registry:
        service = a_service("ent", cluster_ip="", cluster_ips=(), ip_families=())
        await registry.writer.write(lambda work: lifecycle.create(work, service))
        await registry.writer.write(lambda work: lifecycle.create(work, a_pod("ent-1")))
        return registry.view.snapshot


async def test_a_restore_brings_back_all_objects_and_allocations(database_url: str) -> None:
    before = await registered(database_url)
    lines = await backed_up(database_url)
    await empty_database(database_url)

    async with connected(database_url) as engine:
        restored = await restore(engine, read_backup(lines), replace=False)
        assert await check(engine) == ()
    async with a_registry(database_url) as registry:
        after = registry.view.snapshot

    assert restored > before.revision
    for kind in RESOURCES:
        assert after.of(kind) == before.of(kind)


async def test_a_running_process_loads_the_restored_state(database_url: str) -> None:
    await registered(database_url)
    lines = await backed_up(database_url)
    async with a_registry(database_url) as registry:
        (service,) = registry.view.snapshot.services.values()
        await registry.writer.write(
            lambda work: lifecycle.put(work, a_service("other", cluster_ips=(), ip_families=()))
        )
        async with connected(database_url) as engine:
            restored = await restore(engine, read_backup(lines), replace=True)
        snapshot = await registry.view.wait_for(restored, timeout_s=30)

    assert list(snapshot.services) == [service.metadata.key]


async def test_a_registry_with_objects_is_only_replaced_on_request(database_url: str) -> None:
    before = await registered(database_url)
    lines = await backed_up(database_url)

    async with connected(database_url) as engine:
        with pytest.raises(WouldLose):
            await restore(engine, read_backup(lines), replace=False)
    async with a_registry(database_url) as registry:
        assert registry.view.snapshot.services == before.services


async def test_losing_everything_or_every_range_must_be_requested(database_url: str) -> None:
    await registered(database_url)
    whole = read_backup(await backed_up(database_url))
    ranges = [each for each in whole.objects if isinstance(each, ServiceCIDR)]
    without = replace(whole, objects=tuple(each for each in whole.objects if each not in ranges))
    async with connected(database_url) as engine:
        for contents in (without, replace(whole, objects=())):
            with pytest.raises(WouldLose, match="--lose-all"):
                await restore(engine, contents, replace=True)
        await restore(engine, without, replace=True, loses_all=True)
        assert read_backup(await backed_up(database_url)).objects == without.objects


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
async def test_an_incomplete_or_damaged_file_is_refused(database_url: str, damage: Damage) -> None:
    await registered(database_url)
    lines = await backed_up(database_url)
    assert read_backup(lines)
    with pytest.raises(NotARegistryBackup):
        read_backup(damage(lines))


async def test_a_change_of_any_octet_is_detected(database_url: str) -> None:
    await registered(database_url)
    whole = b"".join(await backed_up(database_url))
    for place in range(0, len(whole), 1 + len(whole) // 300):
        flipped = bytes([whole[place] ^ 1 << place % 8])
        damaged = whole[:place] + flipped + whole[place + 1 :]
        with pytest.raises(NotARegistryBackup):
            read_backup(damaged.splitlines(keepends=True))
