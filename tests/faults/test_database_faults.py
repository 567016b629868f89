"""The database dies, is cut off, fills up or lets nobody in, under load, and comes back."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from http import HTTPStatus
from pathlib import Path

import asyncpg
import pytest

from app.store.engine import IDLE_IN_TRANSACTION_S_MAX
from app.store.writer import WRITE_S_MAX
from tests.end_to_end.processes import Serving, serving
from tests.faults.checker import prove
from tests.faults.clients import both, under_load
from tests.faults.postgres import GROUP, USER, Postgres, a_folder, a_postgres
from tests.faults.proxy import a_proxy
from tests.waiting import eventually, until

pytestmark = [pytest.mark.end_to_end, pytest.mark.faults, pytest.mark.timeout(300)]

WRITES = 30  # acknowledged before and after the fault
MARGIN_S = 5.0  # of a loaded machine


@asynccontextmanager
async def replicas(folder: Path, *database_urls: str) -> AsyncGenerator[list[Serving], None]:
    """Run one process a database address."""
    async with AsyncExitStack() as stack:
        contexts = [
            serving(folder / f"replica-{number}", database_url=url)
            for number, url in enumerate(database_urls)
        ]
        yield list(await asyncio.gather(*map(stack.enter_async_context, contexts)))


def urls_of(running: list[Serving]) -> list[str]:
    return [str(each.client.base_url).rstrip("/") for each in running]


async def is_ready(replica: Serving) -> bool:
    return (await replica.client.get("/readyz")).is_success


async def is_unready(replica: Serving) -> bool:
    return not await is_ready(replica)


async def assert_degraded(replica: Serving) -> None:
    """Reads are answered from memory, writes refused at once, and health says since when."""
    await eventually(lambda: is_unready(replica))
    ready = await replica.client.get("/readyz")
    assert "cannot be reached since" in ready.json()["message"]
    assert "how far behind is not known" in ready.json()["message"]
    assert (await replica.client.get("/services")).is_success
    begun_at = asyncio.get_running_loop().time()
    refused = await replica.client.post("/apply", json=both("refused"))
    assert refused.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert refused.headers["retry-after"]
    assert "did not happen" in refused.json()["message"]
    assert asyncio.get_running_loop().time() - begun_at < MARGIN_S, "known to be away: refused now"


async def test_postgresql_is_killed_under_load_and_comes_back(tmp_path: Path) -> None:
    async with a_postgres() as server, replicas(tmp_path, server.url, server.url) as running:
        urls = urls_of(running)
        async with under_load(urls) as load:
            await until(lambda: load.written >= WRITES)
            await server.kill()
            for replica in running:
                await assert_degraded(replica)
            await server.start()
            for replica in running:
                await eventually(lambda: is_ready(replica))  # noqa: B023  awaited right here
            written = load.written
            await until(lambda: load.written >= written + WRITES)
            await load.stop()
            await prove(load.load, urls, server)


async def test_a_replica_cut_off_from_the_database_without_a_word_catches_up(
    tmp_path: Path,
) -> None:
    async with (
        a_postgres() as server,
        a_proxy(server.port) as network,
        replicas(
            tmp_path, server.url.replace(str(server.port), str(network.port)), server.url
        ) as running,
    ):
        urls = urls_of(running)
        cut_off, whole = running
        async with under_load(urls) as load:
            await until(lambda: load.written >= WRITES)
            network.stall()
            await assert_degraded(cut_off)
            # The server ends what the cut-off process may have begun, and the other goes on.
            written = load.written
            within_s = IDLE_IN_TRANSACTION_S_MAX + 2 * MARGIN_S
            await until(lambda: load.written >= written + WRITES, within_s=within_s)
            assert await is_ready(whole)
            network.heal()
            await eventually(lambda: is_ready(cut_off), within_s=30)
            await load.stop()
            assert max(load.load.journal.seconds) < WRITE_S_MAX + MARGIN_S
            await prove(load.load, urls, server)


async def test_connections_that_are_all_taken_are_waited_for(tmp_path: Path) -> None:
    async with a_postgres() as server, replicas(tmp_path, server.url) as running:
        urls = urls_of(running)
        async with under_load(urls) as load:
            await until(lambda: load.written >= WRITES)
            async with every_connection_of(server):
                await assert_degraded(running[0])
            await eventually(lambda: is_ready(running[0]))
            written = load.written
            await until(lambda: load.written >= written + WRITES)
            await load.stop()
            await prove(load.load, urls, server)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a disk that is soon full")
async def test_a_full_disk_refuses_writes_whole_and_nothing_else(tmp_path: Path) -> None:
    async with a_postgres() as server, replicas(tmp_path, server.url, server.url) as running:
        urls = urls_of(running)
        with a_small_disk() as disk:
            await server.execute(f"CREATE TABLESPACE small LOCATION '{disk}'")
            await server.execute("ALTER TABLE changes SET TABLESPACE small")
            async with under_load(urls) as load:
                await until(lambda: load.written >= WRITES)
                fill(disk)
                await until(lambda: len(load.load.journal.refusals) >= WRITES)
                assert (await running[0].client.get("/services")).is_success
                (disk / "filler").unlink()
                written = load.written
                await until(lambda: load.written >= written + WRITES)
                await load.stop()
                codes = {answer.status_code for answer in load.load.journal.refusals}
                assert codes == {HTTPStatus.SERVICE_UNAVAILABLE}
                await prove(load.load, urls, server)
            await server.execute("ALTER TABLE changes SET TABLESPACE pg_default")


async def test_writes_of_one_replica_are_read_at_once_on_another(tmp_path: Path) -> None:
    async with a_postgres() as server, replicas(tmp_path, server.url, server.url) as running:
        here, there = running
        for number in range(20):
            name = f"read-{number}"
            written = await here.client.post("/apply", json=both(name))
            revision = written.json()["resourceVersion"]
            found = await there.client.get(
                f"/services/default/{name}", params={"resourceVersion": revision}
            )
            assert found.is_success, found.text
        ahead = await there.client.get("/services", params={"resourceVersion": "1000000"})
        assert ahead.status_code == HTTPStatus.GATEWAY_TIMEOUT
        assert ahead.headers["retry-after"]


@asynccontextmanager
async def every_connection_of(server: Postgres) -> AsyncGenerator[None, None]:
    """Take every connection that a server gives, those of others too, and hold them."""
    held: list[asyncpg.Connection[asyncpg.Record]] = []
    try:
        first = await asyncpg.connect(server.url)
        held.append(first)
        refusals = 0
        while refusals < 20:  # those that were thrown out try to come back
            try:
                held.append(await asyncpg.connect(server.url, timeout=10))
            except (asyncpg.PostgresError, OSError):
                refusals += 1
                await first.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE application_name = 'waypost'"
                )
        yield
    finally:
        await asyncio.gather(*(each.close() for each in held))


@contextmanager
def a_small_disk() -> Generator[Path, None, None]:
    """Mount a disk of a few megabytes for the length of a block."""
    with a_folder() as folder:
        disk = folder / "disk"
        disk.mkdir()
        subprocess.run(
            ["/bin/mount", "-t", "tmpfs", "-o", "size=8m", "none", str(disk)], check=True
        )
        try:
            inner = disk / "space"
            inner.mkdir()
            if USER is not None and GROUP is not None:
                shutil.chown(inner, USER, GROUP)
            yield inner
        finally:
            subprocess.run(["/bin/umount", "-l", str(disk)], check=True)


def fill(disk: Path) -> None:
    """Write until there is no room."""
    with (disk / "filler").open("wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(4096))
        except OSError:
            return
