"""One process, 1,000 watchers, 100 changes a second: how soon each change is with everybody.

    writes -> waypost serve -> 1,000 streams -> lateness = arrival - start of its transaction

A change's transaction starts before its commit, so what is printed is more than
the time from commit to delivery.  Every watcher counts its events; one of
twenty also notes when each arrives.  The watchers are a process of their own,
which shares the machine with the server: their work is in the figures, too.
"""

import asyncio
import json
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import cast

import asyncpg
import httpx
import psutil
import uvloop

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.end_to_end.processes import Serving, serving
from tests.faults.postgres import a_postgres

WATCHERS, CHANGES_A_S, SECONDS = 1_000, 100, 10
GOAL_MS, GOAL_KB = 100, 20
TIMED_EVERY = 20  # of the watchers, one notes when what arrives
ARRIVED_S_MAX = 20.0  # seconds that the last events are waited for
EVENT, EVENT_ID, ID_BYTES_MAX = b"\nevent: ADDED", re.compile(rb"\nid: (\d+)\nevent: A"), 40
REQUEST = b"GET /watch?kinds=Service HTTP/1.1\r\nhost: bench\r\naccept: text/event-stream\r\n\r\n"


class Watcher(asyncio.Protocol):
    """Counts the events that come."""

    def __init__(self) -> None:
        self.is_current = False
        self.events = 0
        self._tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the stream."""
        cast("asyncio.Transport", transport).write(REQUEST)

    def data_received(self, data: bytes) -> None:
        """Take what came; what comes before the end of the initial state is no event."""
        if not self.is_current:
            self.is_current = b"initial-events-end" in data
            return
        self.events += (self._tail + data).count(EVENT)
        self._tail = data[1 - len(EVENT) :]


class TimedWatcher(Watcher):
    """Notes when each revision arrives, too."""

    def __init__(self) -> None:
        super().__init__()
        self.arrivals: dict[int, float] = {}
        self._ids = b""

    def data_received(self, data: bytes) -> None:
        """Note the time before anything else."""
        now = time.time()
        if self.is_current:
            for found in EVENT_ID.finditer(self._ids + data):
                self.arrivals.setdefault(int(found[1]), now)
            self._ids = data[-ID_BYTES_MAX:]
        super().data_received(data)


async def watch(port: int) -> None:
    """Be all the watchers: say when they are current, read how many events are due, tell all."""
    loop = asyncio.get_running_loop()
    watchers: list[Watcher] = []
    for number in range(WATCHERS):
        kind = Watcher if number % TIMED_EVERY else TimedWatcher
        _, watcher = await loop.create_connection(kind, "127.0.0.1", port)
        watchers.append(watcher)
    while not all(watcher.is_current for watcher in watchers):  # noqa: ASYNC110  protocols
        await asyncio.sleep(0.05)
    print("current", flush=True)
    began_s = time.process_time()
    due = int(await asyncio.to_thread(sys.stdin.readline))
    until_s = loop.time() + ARRIVED_S_MAX
    while loop.time() < until_s and any(each.events < due for each in watchers):  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    told = {
        "cpu_s": time.process_time() - began_s,
        "events": [watcher.events for watcher in watchers],
        "arrivals": [each.arrivals for each in watchers if isinstance(each, TimedWatcher)],
    }
    print(json.dumps(told), flush=True)


async def main() -> None:
    """Run it and print the figures."""
    async with a_postgres() as server:
        with tempfile.TemporaryDirectory() as folder:
            async with serving(Path(folder), database_url=server.url) as running:
                for number in range(20):  # let the process make what it makes once
                    await change(running.client, f"warm-{number}")
                process = psutil.Process(running.process.pid)
                before_kb = process.memory_info().rss / 1024
                watching = await asyncio.create_subprocess_exec(
                    *(sys.executable, __file__, str(running.api_port)),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    limit=1 << 26,
                )
                assert watching.stdin is not None, "it is a pipe"
                assert watching.stdout is not None, "it is a pipe"
                await watching.stdout.readline()
                each_kb = (process.memory_info().rss / 1024 - before_kb) / WATCHERS
                before_s = sum(process.cpu_times()[:2])
                revisions = await write(running)
                watching.stdin.write(b"%d\n" % len(revisions))
                told = json.loads(await watching.stdout.readline())
                cpu_s = sum(process.cpu_times()[:2]) - before_s
                await watching.wait()
                begun = await begun_at(server.url)
    late_ms = [
        1000 * (arrivals[str(revision)] - begun[revision])
        for arrivals in told["arrivals"]
        for revision in revisions
    ]
    missed = sum(len(revisions) - events for events in told["events"])
    cuts = statistics.quantiles(late_ms, n=100)
    each_us = 1e6 * cpu_s / (WATCHERS * len(revisions))
    print(f"{WATCHERS} watchers, {len(revisions)} changes, {missed} events missed")
    print(f"lateness ms: p50 {cuts[49]:.0f}, p99 {cuts[98]:.0f} (goal {GOAL_MS})")
    print(f"memory: {each_kb:.1f} kB a watcher (goal {GOAL_KB})")
    print(f"CPU: server {cpu_s:.1f} s, {each_us:.1f} us an event; watchers {told['cpu_s']:.1f} s")


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


async def begun_at(url: str) -> dict[int, float]:
    """Read when each revision's transaction began, by this machine's clock."""
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("SELECT revision, committed_at FROM changes")
    await connection.close()
    return {row["revision"]: row["committed_at"].timestamp() for row in rows}


if __name__ == "__main__":
    if sys.argv[1:]:
        uvloop.run(watch(int(sys.argv[1])))
    else:
        asyncio.run(main())
