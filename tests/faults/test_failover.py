"""The database's machine is gone, and a standby that had everything takes its place."""

from pathlib import Path

import pytest

from tests.end_to_end.processes import Serving
from tests.faults.checker import prove
from tests.faults.clients import under_load
from tests.faults.postgres import a_postgres, a_standby
from tests.faults.test_database_faults import WRITES, is_ready, replicas, urls_of
from tests.waiting import eventually, until

pytestmark = [pytest.mark.end_to_end, pytest.mark.faults, pytest.mark.timeout(300)]


async def test_nothing_acknowledged_is_lost_when_a_synchronous_standby_is_promoted(
    tmp_path: Path,
) -> None:
    async with (
        a_postgres(wal_level="replica") as primary,
        a_standby(primary, name="standby") as standby,
    ):
        # Only from now on is a commit answered when the standby has it too.
        await primary.execute("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
        await primary.execute("SELECT pg_reload_conf()")
        both_hosts = f"127.0.0.1:{primary.port},127.0.0.1:{standby.port}"
        url = f"postgresql://postgres@{both_hosts}/postgres"
        async with replicas(tmp_path, url, url) as running:
            urls = urls_of(running)
            async with under_load(urls) as load:
                await until(lambda: load.written >= WRITES, within_s=60)
                await primary.kill()
                await standby.promote()
                written = load.written
                await until(lambda: load.written >= written + WRITES, within_s=60)
                for replica in running:
                    await eventually(lambda: is_ready(replica))  # noqa: B023  awaited here
                await load.stop()
                await prove(load.load, urls, standby)


async def test_a_standby_that_lacks_what_was_seen_is_not_taken_for_the_same_history(
    tmp_path: Path,
) -> None:
    async with (
        a_postgres(wal_level="replica") as primary,
        a_standby(primary, name="standby") as standby,
    ):
        both_hosts = f"127.0.0.1:{primary.port},127.0.0.1:{standby.port}"
        url = f"postgresql://postgres@{both_hosts}/postgres"
        async with replicas(tmp_path, url, url) as running:
            urls = urls_of(running)
            await standby.execute("SELECT pg_wal_replay_pause()")
            await standby.stop()  # what is written from now on it never gets
            async with under_load(urls) as load:
                await until(lambda: load.written >= WRITES)
                await load.stop()
            await primary.kill()
            await standby.start()
            await standby.promote()
            for replica in running:
                await eventually(lambda: is_ready(replica), within_s=60)  # noqa: B023
                await eventually(lambda: _has_no_services(replica), within_s=60)  # noqa: B023
            async with under_load(urls) as load:
                await until(lambda: load.written >= WRITES)
                await load.stop()
                await prove(load.load, urls, standby)


async def _has_no_services(replica: Serving) -> bool:
    items = (await replica.client.get("/services?namespace=default")).json()["items"]
    return not items
