"""The start of a server on stored data, what nodes get then, and memory.

a filled registry, stopped -> `waypost serve` -> /readyz
a node asks at once, then others -> GET /nodes/{name}/ipvs -> all of its rules
`waypost dns` beside it -> every address and port asked for -> what the kernel says it holds
"""

import asyncio
from time import perf_counter

from bench.harness.figures import Figure, at_most
from bench.harness.names import Names
from bench.harness.processes import resident_mb
from bench.harness.registries import Registry
from bench.harness.run import Run
from tests.end_to_end.processes import replicating, until_ready

SERVE_BOUND = (
    "of 7.1 s of its own processor time (2026-12-01, 191ae9e, in one process) 2.3 are the decoding "
    "of 120,205 objects, 1.7 their indexes (0.8 the terms, 0.4 the tries, without a search for "
    "garbage), 1.7 imports (PostgreSQL starts after them, on the same core), 0.8 to 0.9 the rows "
    "from PostgreSQL, 0.1 the check of allocations; the rules of nodes are 0.5 more, and "
    "PostgreSQL has most of the rest"
)
DNS_BOUND = (
    "55 MB are there after the imports (2026-12-01, 191ae9e; 3 of them rich and pygments, which "
    "httpx imports where they are installed, as for development), 25 MB are the answers (2,525 "
    "octets a Service for its two names), and the rest is the state and what reading it left"
)
SERVE = Figure("start of serve until /readyz", "s", at_most(6), bounded_by=SERVE_BOUND)
SERVE_CPU = Figure("processor time of it, with PostgreSQL's", "s")
SERVE_MB = Figure("serve, resident when ready", "MB", at_most(500))
DNS_MB = Figure(
    "dns, resident when every name was asked for", "MB", at_most(140), bounded_by=DNS_BOUND
)
NODES = 5
FIRST_RULES = Figure("GET /nodes/{name}/ipvs, all of it, just after the start", "s", at_most(0.5))
RULES = Figure(f"the same, the slowest of {NODES} nodes", "s", at_most(0.5))
READY_S_MAX = 120.0


async def measure(run: Run) -> None:
    """Start from the same data in each round."""
    for number in run.rounds():
        async with run.registries.filled(run.size) as registry:
            run.note(SERVE, registry.started_s)
            run.note(SERVE_CPU, registry.used().all_s)
            run.note(SERVE_MB, registry.resident_mb())
            waited_s = [await rules(registry, number) for number in range(NODES)]
            run.note(FIRST_RULES, waited_s[0])
            run.note(RULES, max(waited_s))
            if number == 0:
                await replica(run, registry)


async def rules(registry: Registry, number: int) -> float:
    """Read a node's rules; gives the seconds until all of them are there."""
    begun_s = perf_counter()
    answer = await registry.server.client.get(f"/nodes/node-{number}/ipvs")
    waited_s = perf_counter() - begun_s
    answer.raise_for_status()
    return waited_s


async def replica(run: Run, registry: Registry) -> None:
    """Ask a DNS replica for everything; once a run, for memory hardly varies."""
    url = f"http://127.0.0.1:{registry.server.api_port}"
    async with replicating(run.folder / "replica", url) as dns:
        await until_ready(dns, within_s=READY_S_MAX)
        names = Names(dns.dns_port)
        await asyncio.to_thread(names.ask_all, run.size.services, ports=True)
        names.close()
        run.note(DNS_MB, resident_mb(dns.process.pid))
