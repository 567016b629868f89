"""Beginnings and ends, clocks and readers: what a process must bear from its surroundings."""

import asyncio
import signal
import socket
from pathlib import Path

import httpx
import pytest

from app.store.keeping import migrations
from tests.databases import connected
from tests.end_to_end.processes import Serving, serving, started
from tests.faults.checker import prove
from tests.faults.clients import both, under_load
from tests.faults.postgres import a_postgres
from tests.faults.test_database_faults import WRITES, is_ready, replicas, urls_of
from tests.waiting import eventually, until

pytestmark = [pytest.mark.end_to_end, pytest.mark.faults, pytest.mark.timeout(300)]

FAKETIME = next(
    (
        path
        for path in (
            Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"),
            Path("/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1"),
        )
        if path.exists()
    ),
    None,
)
LARGE = "x" * 100_000  # characters of an annotation
STALLED_S_MAX = 60.0  # seconds until a watcher that does not read must be gone


async def test_migrations_and_replicas_started_at_once_on_an_empty_database(
    tmp_path: Path,
) -> None:
    async with a_postgres(is_migrated=False) as server:
        settings = {"WAYPOST_DATABASE_URL": server.url}
        migrating = [
            await started(tmp_path / f"migration-{number}", ["migrate"], settings)
            for number in range(2)
        ]
        assert [await each.wait() for each in migrating] == [0, 0]
        async with connected(server.url) as engine:
            await migrations.require_current(engine)
        async with replicas(tmp_path, server.url, server.url) as running:
            urls = urls_of(running)
            async with under_load(urls) as load:
                await until(lambda: load.written >= WRITES)
                await load.stop()
                await prove(load.load, urls, server)
            services = (await running[0].client.get("/services?namespace=kube-system")).json()
            assert [item["metadata"]["name"] for item in services["items"]] == ["kube-dns"]


async def test_being_asked_to_end_finishes_writes_and_tells_watchers_where_to_resume(
    tmp_path: Path,
) -> None:
    async with a_postgres() as server, replicas(tmp_path, server.url, server.url) as running:
        urls = urls_of(running)
        async with under_load(urls) as load:
            await until(lambda: load.written >= WRITES)
            is_told = asyncio.Event()
            last = asyncio.create_task(_last_line(running[0], is_told))
            await is_told.wait()
            await eventually(lambda: _watchers_are(running[0], 2))
            begun_at = asyncio.get_running_loop().time()
            running[0].process.send_signal(signal.SIGTERM)
            assert await running[0].process.wait() == 0
            assert asyncio.get_running_loop().time() - begun_at < 15
            assert '"BOOKMARK"' in await last
            written = load.written
            await until(lambda: load.written >= written + WRITES)
            load.load.watchers.pop(0)
            await load.stop()
            await prove(load.load, urls[1:], server)


async def test_a_watcher_that_stops_reading_costs_nobody_else_anything(tmp_path: Path) -> None:
    async with a_postgres() as server, replicas(tmp_path, server.url) as running:
        replica, urls = running[0], urls_of(running)
        for number in range(80):
            heavy = {"metadata": {"name": f"heavy-{number}", "annotations": {"x": LARGE}}}
            answer = await replica.client.post(
                "/services", json={**heavy, "spec": {"clusterIP": "None"}}
            )
            assert answer.is_success
        with _not_reading(replica.api_port):
            await eventually(lambda: _watchers_are(replica, 1))
            async with under_load(urls) as load:
                await until(lambda: load.written >= 3 * WRITES)
                await load.stop()
                await load.load.settle(await _revision(replica))
            await eventually(lambda: _watchers_are(replica, 0), within_s=STALLED_S_MAX)
        assert await is_ready(replica)


@pytest.mark.skipif(FAKETIME is None, reason="libfaketime (Debian: faketime) is not installed")
async def test_a_clock_that_steps_by_an_hour_changes_no_order_and_expires_nobody(
    tmp_path: Path,
) -> None:
    clock = tmp_path / "clock"
    clock.write_text("+0")
    faked = {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    async with a_postgres() as server:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in faked.items():
                patch.setenv(name, value)
            running = serving(tmp_path / "stepped", database_url=server.url)
            stepped = await running.__aenter__()
        try:
            urls = urls_of([stepped])
            leased = both("leased")
            items = leased["items"]
            assert isinstance(items, list)
            items[1]["spec"]["leaseDurationSeconds"] = 600
            assert (await stepped.client.post("/apply", json=leased)).is_success
            async with under_load(urls) as load:
                for step in ("+3600", "-3600", "+0"):
                    written = load.written
                    await until(lambda: load.written >= written + WRITES)  # noqa: B023
                    clock.write_text(step)
                written = load.written
                await until(lambda: load.written >= written + WRITES)
                await load.stop()
                await prove(load.load, urls, server)
            found = (await stepped.client.get("/endpointslices?namespace=default")).json()["items"]
            ready = [
                each["conditions"]["ready"]
                for item in found
                if item["metadata"]["labels"]["kubernetes.io/service-name"] == "leased"
                for each in item["endpoints"]
            ]
            assert ready == [True], "a step of the clock is no missed heartbeat"
        finally:
            await running.__aexit__(None, None, None)


async def _last_line(replica: Serving, is_told: asyncio.Event) -> str:
    """Follow a watch to its end; ``is_told`` is set once everything there is has been sent."""
    last = ""
    async with httpx.AsyncClient(timeout=30) as client:
        url = f"{str(replica.client.base_url).rstrip('/')}/watch"
        async with client.stream("GET", url) as answer:
            async for line in answer.aiter_lines():
                last = line or last
                if '"BOOKMARK"' in line:
                    is_told.set()
    return last


def _not_reading(port: int) -> socket.socket:
    """Ask for a watch and never look at what comes."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", port))
    client.sendall(b"GET /watch HTTP/1.1\r\nhost: localhost\r\n\r\n")
    return client


async def _watchers_are(replica: Serving, count: int) -> bool:
    metrics = (await replica.client.get("/metrics")).text
    return f"waypost_watchers {float(count)}" in metrics


async def _revision(replica: Serving) -> int:
    listed = (await replica.client.get("/services")).json()
    return int(listed["metadata"]["resourceVersion"])
