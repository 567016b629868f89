"""One process, 1,000 watchers, 100 changes a second: how soon each change is with everybody.

    writes -> waypost serve -> 1,000 streams -> lateness = arrival - start of its transaction

A change's transaction starts before its commit, so what is printed is more than
the time from commit to delivery.  The watchers share this process, whose own
work is in the figures too.
"""

import asyncio
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path

import asyncpg
import httpx
import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.end_to_end.processes import Serving, serving
from tests.faults.postgres import a_postgres

WATCHERS, CHANGES_A_S, SECONDS = 1_000, 100, 10
GOAL_MS, GOAL_KB = 100, 20
EVENT_ID = re.compile(rb"(?m)^id: (\d+)\nevent: (?:ADDED|MODIFIED|DELETED)")
REQUEST = b"GET /watch?kinds=Service HTTP/1.1\r\nhost: bench\r\naccept: text/event-stream\r\n\r\n"


class Watcher(asyncio.Protocol):
    """Notes when each revision arrives."""

    def __init__(self) -> None:
        self.arrivals: dict[int, float] = {}
        self.is_current = False
        self._tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the stream."""
        assert isinstance(transport, asyncio.Transport)
        transport.write(REQUEST)

    def data_received(self, data: bytes) -> None:
        """Find the revisions of what came."""
        now = time.time()
        if not self.is_current:
            self.is_current = b"initial-events-end" in data
            return
        text = self._tail + data
        for found in EVENT_ID.finditer(text):
            self.arrivals.setdefault(int(found[1]), now)
        self._tail = text[-64:]


async def main() -> None:
    """Run it and print the figures."""
    async with a_postgres() as server:
        with tempfile.TemporaryDirectory() as folder:
            async with serving(Path(folder), database_url=server.url) as running:
                await warm(running)
                process = psutil.Process(running.process.pid)
                before_kb = process.memory_info().rss / 1024
                watchers = await connect(running.api_port)
                each_kb = (process.memory_info().rss / 1024 - before_kb) / WATCHERS
                cpu_before = process.cpu_times()
                revisions = await write(running)
                await arrived(watchers, max(revisions))
                cpu = process.cpu_times()
                begun = await begun_at(server.url)
    late_ms = [
        1000 * (watcher.arrivals[revision] - begun[revision])
        for watcher in watchers
        for revision in revisions
        if revision in watcher.arrivals
    ]
    missed = len(watchers) * len(revisions) - len(late_ms)
    cuts = statistics.quantiles(late_ms, n=100)
    cpu_s = cpu.user + cpu.system - cpu_before.user - cpu_before.system
    print(f"{len(watchers)} watchers, {len(revisions)} changes, {missed} events missed")
    print(f"lateness ms: p50 {cuts[49]:.0f}, p99 {cuts[98]:.0f} (goal {GOAL_MS})")
    print(f"memory: {each_kb:.1f} kB a watcher (goal {GOAL_KB})")
    print(f"server: {cpu_s:.1f} s of CPU, {1e6 * cpu_s / len(late_ms):.0f} us an event delivered")


async def warm(running: Serving) -> None:
    """Let the process make what it makes once."""
    for number in range(20):
        await change(running.client, f"warm-{number}")


async def connect(port: int) -> list[Watcher]:
    """Open every stream and wait until each is current."""
    loop = asyncio.get_running_loop()
    watchers: list[Watcher] = []
    for _ in range(WATCHERS):
        _, watcher = await loop.create_connection(Watcher, "127.0.0.1", port)
        watchers.append(watcher)
    while not all(watcher.is_current for watcher in watchers):  # noqa: ASYNC110  protocols
        await asyncio.sleep(0.05)
    return watchers


async def write(running: Serving) -> list[int]:
    """Write at a steady pace; gives the revisions."""
    loop, tasks = asyncio.get_running_loop(), list[asyncio.Task[int]]()
    started_at = loop.time()
    for number in range(CHANGES_A_S * SECONDS):
        await asyncio.sleep(started_at + number / CHANGES_A_S - loop.time())
        tasks.append(asyncio.create_task(change(running.client, f"bench-{number}")))
    return list(await asyncio.gather(*tasks))


async def change(client: httpx.AsyncClient, name: str) -> int:
    """Make a Service; gives its revision."""
    manifest = {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}}
    answer = await client.post("/services", json=manifest)
    answer.raise_for_status()
    return int(answer.json()["metadata"]["resourceVersion"])


async def arrived(watchers: list[Watcher], revision: int) -> None:
    """Wait until everybody has the last change, for a bounded time."""
    for _ in range(200):
        if all(revision in watcher.arrivals for watcher in watchers):
            return
        await asyncio.sleep(0.05)


async def begun_at(url: str) -> dict[int, float]:
    """Read when each revision's transaction began, by this machine's clock."""
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("SELECT revision, committed_at FROM changes")
    await connection.close()
    return {row["revision"]: row["committed_at"].timestamp() for row in rows}


if __name__ == "__main__":
    asyncio.run(main())
