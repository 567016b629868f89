"""Whether a server that runs for long takes more and more of anything.

    writes, reads, lists, watches, DNS questions -> waypost serve -> samples -> slopes, verdict

A real server on a real PostgreSQL of its own, over loopback.  Every ten seconds the
process is looked at: resident memory, open descriptors, tasks of its event loop; and
the database's tables.  The slope is that of the line through the samples of the second
half (least squares).  The verdict is "flat", and the exit code 0, when memory grows by
less than FLAT_MIB_A_MINUTE, and descriptors and tasks by less than FLAT_A_MINUTE each.

The first half is for what fills up to its bound: histories, caches, compiled answers.
So the history is to be shorter than that half.

    python bench/soak.py [SECONDS] [HISTORY_SECONDS]        1800 and a tenth of it unless given
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import linear_regression

sys.path.insert(0, str(Path(__file__).parents[1]))

import httpx
import psutil
from prometheus_client.parser import text_string_to_metric_families

from bench.soak_clients.load import Load
from tests.end_to_end.processes import Serving, serving
from tests.faults.postgres import Postgres, a_postgres

SECONDS = 1_800
EVERY_S = 10.0
FLAT_MIB_A_MINUTE = 0.5
FLAT_A_MINUTE = 1.0  # descriptors, and tasks
GAUGES = ("waypost_tasks", "waypost_watchers", "waypost_revision")
TABLES = ("objects", "changes", "leases")
COLUMNS = (
    "    s  RSS MiB  fds  tasks  watches  revision  changes/rows   MiB  objects MiB  leases MiB"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The server at a moment."""

    at_s: float
    rss_mib: float
    descriptors: int
    tasks: int
    watchers: int
    revision: int
    changes: int
    table_mib: tuple[float, ...]

    def __str__(self) -> str:
        objects, changes, leases = self.table_mib
        return (
            f"{self.at_s:5.0f}  {self.rss_mib:7.1f}  {self.descriptors:3}  {self.tasks:5}"
            f"  {self.watchers:7}  {self.revision:8}  {self.changes:12}  {changes:4.1f}"
            f"  {objects:11.1f}  {leases:10.1f}"
        )


async def sample(running: Serving, server: Postgres, *, at_s: float) -> Sample:
    """Look at everything once."""
    process = psutil.Process(running.process.pid)
    async with httpx.AsyncClient(base_url=running.client.base_url, timeout=30) as client:
        text = (await client.get("/metrics")).text
    gauges = {
        family.name: int(family.samples[0].value)
        for family in text_string_to_metric_families(text)
        if family.name in GAUGES
    }
    sizes = {
        row["relname"]: row["pg_total_relation_size"] / (1 << 20)
        for row in await server.fetch(
            "SELECT relname::text, pg_total_relation_size(oid) FROM pg_class "
            "WHERE relname IN ('objects', 'changes', 'leases')"
        )
    }
    changes = await server.value("SELECT count(*) FROM changes")
    assert isinstance(changes, int), "it is a count"
    return Sample(
        at_s=at_s,
        rss_mib=process.memory_info().rss / (1 << 20),
        descriptors=process.num_fds(),
        tasks=gauges["waypost_tasks"],
        watchers=gauges["waypost_watchers"],
        revision=gauges["waypost_revision"],
        changes=changes,
        table_mib=tuple(sizes[table] for table in TABLES),
    )


async def soaked(seconds: float, history_s: int) -> list[Sample]:
    """Put the load on a server, and print what is seen of it."""
    samples: list[Sample] = []
    async with a_postgres() as server:
        with tempfile.TemporaryDirectory() as folder:
            async with serving(
                Path(folder),
                database_url=server.url,
                history_seconds=str(history_s),
                service_cidrs="10.96.0.0/20",  # so that parsed addresses come again
            ) as running:
                load = Load(running)
                await load.prepare()
                loading = asyncio.create_task(load.run())
                begun_s = time.monotonic()
                print(COLUMNS)
                while time.monotonic() < begun_s + seconds and not loading.done():
                    await asyncio.sleep(EVERY_S)
                    at_s = time.monotonic() - begun_s
                    samples.append(await sample(running, server, at_s=at_s))
                    print(samples[-1], flush=True)
                loading.cancel()
                await asyncio.wait([loading], timeout=EVERY_S)  # what does not end is left behind
                print(", ".join(f"{name} {times}" for name, times in sorted(load.done.items())))
    return samples


def slope_a_minute(samples: Sequence[Sample], values: Sequence[float]) -> float:
    """Give the slope of the line through values of samples."""
    return 60 * linear_regression([each.at_s for each in samples], values).slope


def main() -> int:
    """Soak, and judge."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    history_s = int(sys.argv[2]) if len(sys.argv) > 2 else max(1, int(seconds / 10))  # noqa: PLR2004  the second argument
    samples = asyncio.run(soaked(seconds, history_s))
    late = samples[len(samples) // 2 :]
    memory = slope_a_minute(late, [each.rss_mib for each in late])
    descriptors = slope_a_minute(late, [each.descriptors for each in late])
    tasks = slope_a_minute(late, [each.tasks for each in late])
    rows = slope_a_minute(late, [each.changes for each in late])
    is_flat = memory < FLAT_MIB_A_MINUTE and max(descriptors, tasks) < FLAT_A_MINUTE
    print(
        f"a minute over the second half: memory {memory:+.2f} MiB, descriptors {descriptors:+.2f}, "
        f"tasks {tasks:+.2f}, rows of changes {rows:+.0f}"
    )
    print("flat" if is_flat else "not flat")
    return 0 if is_flat else 1


if __name__ == "__main__":
    sys.exit(main())
