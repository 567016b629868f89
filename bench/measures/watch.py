"""1,000 watchers of one process, 100 writes a second: how soon each event is with everybody.

    creates of Services -> Waypost, 1,000 streams | puts of the same -> etcd, 1,000 streams
    -> lateness = arrival - the moment the write was sent

The watchers share the load's core with the writes, and their work is in the figures of both.
"""

import asyncio
import json
import resource
import sys
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count

from bench.harness import etcd
from bench.harness.figures import Figure, at_most, percentile
from bench.harness.load import request
from bench.harness.machine import ROOT
from bench.harness.registries import Registry
from bench.harness.run import Run
from bench.harness.wire import as_json
from bench.harness.writer import (
    ETCD_REVISION,
    WAYPOST_REVISION,
    Revisions,
    Written,
    write_paced,
)
from bench.measures.changes import new_services

WATCHERS, A_SECOND, SECONDS = 1_000, 100, 3.0
BUSY = 0.8  # of a core
PACE_MIN = 0.9  # of the writes a second
FILES = 4_096  # connections, and some
LINE_BYTES_MAX = 1 << 26
PEER = "etcd, as many watchers"
WRITE = f"{WATCHERS:,} watchers, {A_SECOND} writes a second"
P99 = Figure(f"{WRITE}: from the write to the event, p99", "ms", at_most(80), PEER)
P50 = Figure(f"{WRITE}: from the write to the event, p50", "ms", None, PEER)
MEMORY = Figure("memory a watcher, first round", "kB", at_most(20), PEER)
CPU = Figure("processor time an event delivered", "µs", None, PEER)


@dataclass(frozen=True, slots=True)
class Watched:
    """What the watchers tell in the end."""

    busy: float
    events: list[int]
    arrivals: list[dict[str, float]]


async def measure(run: Run) -> None:
    """Take turns with etcd."""
    allow_files()
    async with run.registries.filled(run.size) as registry:
        for number in run.rounds():
            await of_waypost(run, registry, number)
            await of_etcd(run, number)


def allow_files() -> None:
    """Let the watchers, which are started from here, have as many connections as they need."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(FILES, hard), hard))


async def of_waypost(run: Run, registry: Registry, number: int) -> None:
    """Watch Services while some are created."""
    listed = await registry.server.client.get("/services?limit=1")
    since: str = listed.raise_for_status().json()["metadata"]["resourceVersion"]
    port, before_mb = registry.server.api_port, await registry.level_mb()
    bodies = new_services(f"watched-{number}", round(SECONDS * A_SECOND), run.size.services)
    async with watchers(port, "waypost", since) as process:
        if number == 0:  # later rounds reuse the memory of the first
            run.note(MEMORY, 1e3 * (registry.resident_mb() - before_mb) / WATCHERS)
        before = registry.used()
        requests = [request("POST", "/services", body) for body in bodies]
        written, told = await watched(process, port, requests, WAYPOST_REVISION)
        cpu_s = registry.used().since(before).all_s
    late_ms = lateness_ms(run, written, told, "Waypost")
    run.note(P99, percentile(late_ms, 99))
    run.note(P50, percentile(late_ms, 50))
    run.note(CPU, 1e6 * cpu_s / (WATCHERS * len(written)))


async def of_etcd(run: Run, number: int) -> None:
    """Watch the keys of Services while some are put."""
    async with run.etcd() as peer:
        if peer is None:
            return
        before_mb = peer.resident_mb()
        bodies = new_services(f"watched-{number}", round(SECONDS * A_SECOND), run.size.services)
        requests = [
            etcd.put(f"/services/{place}", as_json(body))
            for place, body in zip(count(), bodies, strict=False)
        ]
        async with watchers(peer.port, "etcd", "0") as process:
            run.note_peer(MEMORY, 1e3 * (peer.resident_mb() - before_mb) / WATCHERS)
            before = peer.used()
            written, told = await watched(process, peer.port, requests, ETCD_REVISION)
            cpu_s = peer.used().since(before).all_s
    late_ms = lateness_ms(run, written, told, "etcd")
    run.note_peer(P99, percentile(late_ms, 99))
    run.note_peer(P50, percentile(late_ms, 50))
    run.note_peer(CPU, 1e6 * cpu_s / (WATCHERS * len(written)))


@asynccontextmanager
async def watchers(
    port: int, server: str, since: str
) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Run the watchers, current, until the block ends."""
    words = ("-m", "bench.harness.watchers", str(port), str(WATCHERS), server, since)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *words),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=LINE_BYTES_MAX,
    )
    assert process.stdout is not None, "it is a pipe"
    try:
        line = await process.stdout.readline()
        assert line == b"current\n", "the watchers ended"
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def watched(
    process: asyncio.subprocess.Process,
    port: int,
    requests: Iterable[bytes],
    revision_of: Revisions,
) -> tuple[list[Written], Watched]:
    """Write, and let the watchers tell."""
    written = await write_paced(port, requests, a_second=A_SECOND, revision_of=revision_of)
    assert process.stdin is not None, "it is a pipe"
    assert process.stdout is not None, "it is a pipe"
    process.stdin.write(b"%d\n" % len(written))
    return written, Watched(**json.loads(await process.stdout.readline()))


def lateness_ms(run: Run, written: list[Written], told: Watched, server: str) -> list[float]:
    """Give the lateness of every event at every watcher that notes it."""
    if missed := sum(len(written) - events for events in told.events):
        run.remark(f"watch: {missed:,} events of {server} were missed")
    pace = len(written) / (max(each.sent_s for each in written) - written[0].sent_s)
    if pace < PACE_MIN * A_SECOND:
        run.remark(f"watch: {server} took {pace:.0f} writes a second, not {A_SECOND}")
    if told.busy > BUSY:
        run.remark(f"watch: {server}'s watchers were busy for {told.busy:.0%} of the time")
    return [
        1e3 * (arrivals[str(each.revision)] - each.sent_s)
        for arrivals in told.arrivals
        for each in written
        if str(each.revision) in arrivals
    ]
