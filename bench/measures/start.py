"""The start of a server on stored data, and the memory of servers and DNS replicas.

    a filled registry, stopped -> `waypost serve` -> /readyz
    `waypost dns` beside it -> every address and port asked for -> what the kernel says it holds
"""

import asyncio

from bench.harness.figures import Figure, at_most
from bench.harness.names import Names
from bench.harness.processes import resident_mb
from bench.harness.registries import Registry
from bench.harness.run import Run
from tests.end_to_end.processes import replicating, until_ready

SERVE = Figure("start of serve until /readyz", "s", at_most(6))
SERVE_CPU = Figure("processor time of it, with PostgreSQL's", "s")
SERVE_MB = Figure("serve, resident when ready", "MB", at_most(500))
DNS_MB = Figure("dns, resident when every name was asked for", "MB", at_most(140))
READY_S_MAX = 120.0


async def measure(run: Run) -> None:
    """Start from the same data in each round."""
    for number in run.rounds():
        async with run.registries.filled(run.size) as registry:
            run.note(SERVE, registry.started_s)
            run.note(SERVE_CPU, registry.used().all_s)
            run.note(SERVE_MB, registry.resident_mb())
            if number == 0:
                await replica(run, registry)


async def replica(run: Run, registry: Registry) -> None:
    """Ask a DNS replica for everything; once a run, for memory hardly varies."""
    url = f"http://127.0.0.1:{registry.server.api_port}"
    async with replicating(run.folder / "replica", url) as dns:
        await until_ready(dns, within_s=READY_S_MAX)
        names = Names(dns.dns_port)
        await asyncio.to_thread(names.ask_all, run.size.services, ports=True)
        names.close()
        run.note(DNS_MB, resident_mb(dns.process.pid))
