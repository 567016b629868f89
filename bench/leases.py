"""What ten thousand leases cost that are renewed every ten seconds, in shares of a core.

    heartbeats, many a request -> the application -> memory -> one statement a second
    the same, each a request of its own -> what that costs beside

The real application on a real PostgreSQL, but for the socket, and with it the
overseer that looks every second who is silent.  Idle is what the process costs
when no heartbeats come.  PostgreSQL is all its processes together.
The law to be shown: less than a tenth of a core when those who renew for many,
as agents do, send them together.

    python bench/leases.py [--leases 10000] [--period 10] [--batch 100] [--seconds 20]
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from itertools import cycle
from pathlib import Path
from time import perf_counter, process_time

sys.path.insert(0, str(Path(__file__).parents[1]))

import psutil
import uvloop
from fastapi import FastAPI

from app.api import application
from app.config import Settings
from app.domain.objects.meta import Condition
from app.domain.objects.namespace import Namespace
from app.domain.objects.pod import READY, Pod
from app.domain.objects.resource import Object
from app.main import VERSION, running
from app.store.engine import make_engine
from app.store.keeping import embedded, migrations
from bench.registry_state.in_process import ask
from bench.registry_state.tables import BORN, fill, meta

GOAL = 0.1  # of a core
JSON = "application/json"
LEASE_PERIODS = 3  # a lease outlasts two heartbeats that are lost


@dataclass(frozen=True, slots=True)
class Request:
    """A request that renews some leases."""

    path: str
    body: bytes = b""


def objects_of(leases: int, period_s: float) -> Iterator[Object]:
    """Make Pods that have promised heartbeats."""
    yield Namespace(metadata=meta("default"))
    for number in range(leases):
        yield Pod(
            metadata=meta(f"pod-{number}", "default", app="web"),
            phase="Running",
            pod_ips=(f"10.{number // 65_536}.{number // 256 % 256}.{number % 256}",),
            conditions=(Condition(type=READY, status="True", last_transition_at=BORN),),
            lease_duration_s=int(LEASE_PERIODS * period_s),
        )


def together(leases: int, batch: int) -> list[Request]:
    """Renew every lease, many a request."""
    keys = [{"namespace": "default", "name": f"pod-{number}"} for number in range(leases)]
    return [
        Request("/heartbeats", json.dumps({"pods": keys[first : first + batch]}).encode())
        for first in range(0, leases, batch)
    ]


def one_by_one(leases: int) -> list[Request]:
    """Renew every lease with a request of its own."""
    return [Request(f"/pods/default/pod-{number}/heartbeat") for number in range(leases)]


class Meter:
    """Shares of a core that this process, and PostgreSQL, took since it was made."""

    def __init__(self, folder: Path) -> None:
        pid = int((folder / "postmaster.pid").read_text().splitlines()[0])
        self._postmaster = psutil.Process(pid)
        self._begun_s, self._cpu_s, self._other_s = perf_counter(), process_time(), self._other()

    def shares(self) -> tuple[float, float]:
        """Give both shares."""
        passed_s = perf_counter() - self._begun_s
        other_s = max(0.0, self._other() - self._other_s)
        return (process_time() - self._cpu_s) / passed_s, other_s / passed_s

    def _other(self) -> float:
        every = (self._postmaster, *self._postmaster.children())
        return sum(times.user + times.system for each in every if (times := each.cpu_times()))


async def paced(app: FastAPI, requests: list[Request], *, period_s: float, seconds: float) -> None:
    """Send all requests once a period, evenly, for so long."""
    begun_s, pause_s = perf_counter(), period_s / max(1, len(requests))
    for number, request in enumerate(cycle(requests)):
        due_s = number * pause_s
        if due_s >= seconds:
            return
        await asyncio.sleep(max(0.0, begun_s + due_s - perf_counter()))
        status = await ask(app, "POST", request.path, request.body, JSON)
        assert status == HTTPStatus.OK, status


async def measured(folder: Path, options: argparse.Namespace) -> bool:
    """Measure the three rows of the table."""
    server = embedded.start(folder)
    engine = make_engine(server.url)
    try:
        await migrations.migrate(engine)
        await fill(engine, objects_of(options.leases, options.period))
        settings = Settings.model_validate({"database_url": server.url, "bootstrap": False})
        async with running(settings, server.url) as registry:
            app = application.build(version=VERSION)
            app.state.registry = registry
            meter = Meter(folder)
            await asyncio.sleep(options.seconds / 2)
            print(row("idle", meter))
            loads = {
                f"{options.batch} a request": together(options.leases, options.batch),
                "each a request": one_by_one(options.leases),
            }
            shares: list[float] = []
            for called, requests in loads.items():
                meter = Meter(folder)
                await paced(app, requests, period_s=options.period, seconds=options.seconds)
                print(row(called, meter), flush=True)
                shares.append(sum(meter.shares()))
            assert not registry.view.snapshot.members("lease-expired"), "nobody was silent"
            return shares[0] < GOAL
    finally:
        await engine.dispose()
        server.stop()


def row(called: str, meter: Meter) -> str:
    """Write a line of the table."""
    ours, other = meter.shares()
    return f"{called:<24} {ours:>10.3f} {other:>12.3f} {ours + other:>8.3f}"


def main() -> None:
    """Print a table, and fail when heartbeats sent together take too much."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leases", type=int, default=10_000)
    parser.add_argument("--period", type=float, default=10.0)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    print(f"{options.leases:,} leases, each renewed every {options.period:g} s: shares of a core")
    print(f"{'':<24} {'waypost':>10} {'PostgreSQL':>12} {'both':>8}")
    with (
        tempfile.TemporaryDirectory() as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        is_well = runner.run(measured(Path(folder) / "pg", options))
    print("well" if is_well else f"NOT well: over {GOAL} of a core")
    sys.exit(not is_well)


if __name__ == "__main__":
    main()
