"""All rules of a node over a real socket, for one node after the other.

a filled registry, just started -> GET /nodes/{name}/ipvs -> seconds until all of it is there
"""

from time import perf_counter

from bench.harness.figures import Figure, at_most
from bench.harness.run import Run

NODES = 5
FIRST = Figure("all rules of the first node after the start", "s", at_most(0.5))
EACH = Figure(f"all rules of a node, the slowest of {NODES}", "s", at_most(0.5))


async def measure(run: Run) -> None:
    """Start anew in each round: nobody has asked before."""
    for _ in run.rounds():
        async with run.registries.filled(run.size) as registry:
            waited_s: list[float] = []
            for number in range(NODES):
                begun_s = perf_counter()
                answer = await registry.server.client.get(f"/nodes/node-{number}/ipvs")
                waited_s.append(perf_counter() - begun_s)
                answer.raise_for_status()
            run.note(FIRST, waited_s[0])
            run.note(EACH, max(waited_s))
