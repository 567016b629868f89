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
import select
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import asyncpg
import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.end_to_end.processes import serving
from tests.faults.postgres import a_postgres

WATCHERS, CHANGES_A_S, SECONDS = 1_000, 100, 10
GOAL_MS, GOAL_KB = 100, 20
TIMED_EVERY = 20  # of the watchers, one notes when what arrives
READ_BYTES_MAX = 1 << 18
LOOK_EVERY_S = 0.002  # seconds; as much is in the lateness
ARRIVED_S_MAX = 20.0  # seconds that the last events are waited for
EVENT, EVENT_ID, ID_BYTES_MAX = b"\nevent: ADDED", re.compile(rb"\nid: (\d+)\nevent: A"), 40
CONNECTIONS = 16
POST = (
    b"POST /services HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\n\r\n%b"
)
LENGTH = re.compile(rb"content-length: (\d+)")
REQUEST = (
    b"GET /watch?kinds=Service HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n"
)


class Watcher:
    """Counts the events that come."""

    def __init__(self, port: int) -> None:
        self.is_current = False
        self.events = 0
        self._tail = b""
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.sendall(REQUEST)
        self._socket.setblocking(False)  # noqa: FBT003  its own signature

    def fileno(self) -> int:
        """Name the socket, for whoever waits for it to have something."""
        return self._socket.fileno()

    def read(self) -> None:
        """Take what came; what comes before the end of the initial state is no event."""
        self.take(self._socket.recv(READ_BYTES_MAX))

    def take(self, piece: bytes) -> None:
        """Count; an event may be cut anywhere."""
        if self.is_current:
            self.events += (self._tail + piece).count(EVENT)
            self._tail = piece[1 - len(EVENT) :]
        else:
            self.is_current = b"initial-events-end" in piece


class TimedWatcher(Watcher):
    """Notes when each revision arrives, too."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.arrivals: dict[int, float] = {}
        self._ids = b""

    def take(self, piece: bytes) -> None:
        """Note the time before anything else."""
        now = time.time()
        if self.is_current:
            for found in EVENT_ID.finditer(self._ids + piece):
                self.arrivals.setdefault(int(found[1]), now)
            self._ids = piece[-ID_BYTES_MAX:]
        super().take(piece)


def watch(port: int) -> None:
    """Be all the watchers: say when they are current, read how many events are due, tell all."""
    watchers = [
        Watcher(port) if number % TIMED_EVERY else TimedWatcher(port) for number in range(WATCHERS)
    ]
    readers = {watcher.fileno(): watcher.read for watcher in watchers}
    with select.epoll() as ready:
        for number in readers:
            ready.register(number, select.EPOLLIN)
        while not all(watcher.is_current for watcher in watchers):
            _read_all(ready, readers)
        print("current", flush=True)
        began_s = time.process_time()
        due = 0

        def be_told() -> None:
            nonlocal due
            due = int(sys.stdin.readline())

        readers[sys.stdin.fileno()] = be_told
        ready.register(sys.stdin, select.EPOLLIN)
        while not due:
            _read_all(ready, readers)
        ready.unregister(sys.stdin)
        until_s = time.monotonic() + ARRIVED_S_MAX
        while time.monotonic() < until_s and any(each.events < due for each in watchers):
            _read_all(ready, readers)
    told = {
        "cpu_s": time.process_time() - began_s,
        "events": [watcher.events for watcher in watchers],
        "arrivals": [each.arrivals for each in watchers if isinstance(each, TimedWatcher)],
    }
    print(json.dumps(told), flush=True)


def _read_all(ready: select.epoll, readers: Mapping[int, Callable[[], None]]) -> None:
    """Read what has come, after a little sleep: to be woken for each would cost the server."""
    time.sleep(LOOK_EVERY_S)
    for number, _ in ready.poll(0):
        readers[number]()


class Writer:
    """Makes Services over a few connections, at next to no cost of its own."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]]
        self._idle = asyncio.Queue()

    async def _connect(self) -> None:
        for _ in range(CONNECTIONS):
            self._idle.put_nowait(await asyncio.open_connection("127.0.0.1", self._port))

    async def warm_up(self) -> None:
        """Let the process make what it makes once."""
        await self._connect()
        for number in range(20):
            await self._change(f"warm-{number}")

    async def _change(self, name: str) -> int:
        """Make a Service; gives its revision."""
        manifest = {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}}
        body = json.dumps(manifest).encode()
        reader, writer = await self._idle.get()
        writer.write(POST % (len(body), body))
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 201"), head
        found = LENGTH.search(head)
        assert found, head
        answer = json.loads(await reader.readexactly(int(found[1])))
        self._idle.put_nowait((reader, writer))
        return int(answer["metadata"]["resourceVersion"])

    async def write(self) -> list[int]:
        """Write at a steady pace; gives the revisions."""
        await self._connect()
        loop, tasks = asyncio.get_running_loop(), list[asyncio.Task[int]]()
        started_at = loop.time()
        for number in range(CHANGES_A_S * SECONDS):
            await asyncio.sleep(started_at + number / CHANGES_A_S - loop.time())
            tasks.append(asyncio.create_task(self._change(f"bench-{number}")))
        return list(await asyncio.gather(*tasks))


async def main() -> None:
    """Run it and print the figures."""
    async with a_postgres() as server:
        with tempfile.TemporaryDirectory() as folder:
            async with serving(Path(folder), database_url=server.url) as running:
                await Writer(running.api_port).warm_up()
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
                revisions = await Writer(running.api_port).write()
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


async def begun_at(url: str) -> dict[int, float]:
    """Read when each revision's transaction began, by this machine's clock."""
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("SELECT revision, committed_at FROM changes")
    await connection.close()
    return {row["revision"]: row["committed_at"].timestamp() for row in rows}


if __name__ == "__main__":
    if sys.argv[1:]:
        watch(int(sys.argv[1]))
    else:
        asyncio.run(main())
