"""Three replicas on one database: how soon a write of one is read on the others.

    write on one -> answer -> read with that revision on the others -> milliseconds

The clock starts when the answer is there and stops when the other's is.
"""

import asyncio
import statistics
import sys
import tempfile
from contextlib import AsyncExitStack
from itertools import cycle
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.end_to_end.processes import Serving, serving
from tests.faults.postgres import a_postgres

REPLICAS, WRITES, PAUSE_S = 3, 300, 0.02
GOAL_MS = 50


async def main() -> None:
    """Run it and print the figures."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(a_postgres())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        running = [
            await stack.enter_async_context(serving(folder / str(n), database_url=server.url))
            for n in range(REPLICAS)
        ]
        for number, writer in zip(range(20), cycle(running), strict=False):
            await visible(running, writer, f"warm-{number}")
        late_ms: list[float] = []
        for number, writer in zip(range(WRITES), cycle(running), strict=False):
            late_ms.extend(await visible(running, writer, f"bench-{number}"))
            await asyncio.sleep(PAUSE_S)
    cuts = statistics.quantiles(late_ms, n=100)
    print(f"{REPLICAS} replicas, {WRITES} writes, read on {REPLICAS - 1} others each")
    print(f"answer to visible ms: p50 {cuts[49]:.1f}, p99 {cuts[98]:.1f} (goal {GOAL_MS})")


async def visible(running: list[Serving], writer: Serving, name: str) -> list[float]:
    """Write on one replica; gives the milliseconds until each other one shows it."""
    manifest = {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}}
    answer = await writer.client.post("/services", json=manifest)
    revision = answer.json()["metadata"]["resourceVersion"]
    answered_at = perf_counter()
    others = [each for each in running if each is not writer]
    return list(await asyncio.gather(*(seen(each, name, revision, answered_at) for each in others)))


async def seen(replica: Serving, name: str, revision: str, answered_at: float) -> float:
    """Read with the revision; gives the milliseconds since ``answered_at``."""
    query = {"resourceVersion": revision}
    found = await replica.client.get(f"/services/default/{name}", params=query)
    found.raise_for_status()
    return 1000 * (perf_counter() - answered_at)


if __name__ == "__main__":
    asyncio.run(main())
