"""Several processes answer the API on one port, as replicas of one registry.

* What one has written, each of them reads, with the revision of the write.
* The metrics are those of all, and go on counting when one has ended.
* A process that ends is started again; when the first one ends, however it does, all do.
* Nobody else can listen on the port.
"""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.end_to_end.processes import Serving, serving, started
from tests.waiting import eventually, until

pytestmark = pytest.mark.end_to_end

WORKERS = 2
CONNECTIONS = 24  # the kernel deals them out: so many leave none of two out


@asynccontextmanager
async def two_processes(folder: Path) -> AsyncGenerator[Serving, None]:
    async with serving(folder, api_workers=str(WORKERS)) as running:
        yield running


async def test_each_process_reads_what_one_has_written_and_all_are_counted(tmp_path: Path) -> None:
    async with two_processes(tmp_path) as running:
        body = {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}
        answer = await running.client.post("/services", json=body)
        revision = answer.json()["metadata"]["resourceVersion"]
        query = f"?resourceVersion={revision}"
        await asked(running, f"/services/default/web{query}")
        await until_counted(running, "/services/{namespace}/{name}", CONNECTIONS)
        assert all(
            counted_by(running, process, "/services/{namespace}/{name}")
            for process in (running.process.pid, *workers_of(running))
        )


async def test_a_process_that_ends_is_replaced_and_still_counted(tmp_path: Path) -> None:
    async with two_processes(tmp_path) as running:
        await asked(running, "/openapi.json")
        await until_counted(running, "/openapi.json", CONNECTIONS)
        (ended,) = workers_of(running)
        psutil.Process(ended).kill()
        await until(lambda: bool(set(workers_of(running)) - {ended}))
        (replaced,) = workers_of(running)

        async def answers() -> bool:
            await asked(running, "/version-of-nothing", code=404)
            return counted_by(running, replaced, "unknown") > 0

        await eventually(answers)
        await until_counted(running, "/openapi.json", CONNECTIONS)


async def test_all_processes_end_with_the_first(tmp_path: Path) -> None:
    async with two_processes(tmp_path) as running:
        worker = psutil.Process(*workers_of(running))
        await running.kill()
        await until(lambda: not worker.is_running())


async def test_stopping_stops_all_processes(tmp_path: Path) -> None:
    async with two_processes(tmp_path) as running:
        worker = psutil.Process(*workers_of(running))
        folder = folder_of(running)
        assert await running.stop() == 0
        assert not worker.is_running()
        assert not folder.exists()


async def test_another_server_is_refused_the_port(tmp_path: Path) -> None:
    async with two_processes(tmp_path) as running:
        settings = {"WAYPOST_API_PORT": str(running.api_port), "WAYPOST_API_WORKERS": "2"}
        other = await started(tmp_path / "other", ["serve"], settings)
        assert await other.wait() == 1
        assert "cannot listen" in (tmp_path / "other" / "log").read_text()


async def asked(running: Serving, path: str, *, code: int = 200) -> None:
    """Ask over many connections that are open together."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    url = f"http://127.0.0.1:{running.api_port}"
    async with httpx.AsyncClient(base_url=url, limits=limits, timeout=30) as client:
        answers = await asyncio.gather(*(client.get(path) for _ in range(CONNECTIONS)))
    assert [answer.status_code for answer in answers] == [code] * CONNECTIONS


async def until_counted(running: Serving, path: str, count: int) -> None:
    """Wait until the metrics, which are up to a second old, have so many requests of a path."""

    async def are_counted() -> bool:
        text = (await running.client.get("/metrics")).text
        return count == sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == "waypost_http_requests_total" and sample.labels["path"] == path
        )

    await eventually(are_counted)


def counted_by(running: Serving, process: int, path: str) -> float:
    """Read how many requests of a path one process has reported."""
    report = folder_of(running) / f"{process}.json"
    families: list[dict[str, Any]] = json.loads(report.read_bytes()) if report.exists() else []
    return sum(
        value
        for family in families
        for name, labels, value in family["samples"]
        if name == "waypost_http_requests_total" and labels["path"] == path
    )


def workers_of(running: Serving) -> list[int]:
    """Find the processes beside the first one."""
    children = psutil.Process(running.process.pid).children()
    return [each.pid for each in children if "api-worker" in words_of(each)]


def folder_of(running: Serving) -> Path:
    """Find the folder of the reports, which each of them is started with."""
    return Path(words_of(psutil.Process(workers_of(running)[0]))[-1])


def words_of(process: psutil.Process) -> list[str]:
    """Read a command line; one that has just ended has none."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []
