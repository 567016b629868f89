"""What a command takes of the processor, as a whole process.

waypost get svc | python -c pass | kubectl version --client -> user and system time
"""

import asyncio
import os
import resource
import sys
from collections.abc import Sequence
from statistics import median

from bench.harness.figures import Figure, at_most
from bench.harness.machine import ROOT, program
from bench.harness.run import Run
from bench.harness.wire import a_list, service

SERVICES = 10
TIMES = 5  # a round; the median counts
KUBECTL = "kubectl"
GET = "waypost get svc, the whole process"
BESIDE_PYTHON = Figure(GET, "s", at_most(0.2), "python -c pass")
BESIDE_KUBECTL = Figure(GET, "s", None, "kubectl version --client")
WALL = Figure("waypost get svc, by the clock", "s")


async def measure(run: Run) -> None:
    """Run each command in turn."""
    kubectl = program(KUBECTL)
    if kubectl is None:
        run.remark("kubectl is not installed: its column is empty")
    async with run.registries.empty() as registry:
        api = f"http://127.0.0.1:{registry.server.api_port}"
        await registry.apply(a_list(service(number) for number in range(SERVICES)))
        listing = (sys.executable, "-m", "app", "get", "svc", "-A")
        for _ in run.rounds():
            wall_s, own_s = await taken(listing, api)
            run.note(BESIDE_PYTHON, own_s)
            run.note(WALL, wall_s)
            run.note_peer(BESIDE_PYTHON, (await taken((sys.executable, "-c", "pass"), api))[1])
            if kubectl is not None:
                run.note(BESIDE_KUBECTL, own_s)
                run.note_peer(
                    BESIDE_KUBECTL, (await taken((kubectl, "version", "--client"), api))[1]
                )


async def taken(command: Sequence[str], api: str) -> tuple[float, float]:
    """Run a command several times; gives the seconds by the clock and of the processor."""
    runs = [await _once(command, api) for _ in range(TIMES)]
    return median(wall_s for wall_s, _ in runs), median(cpu_s for _, cpu_s in runs)


async def _once(command: Sequence[str], api: str) -> tuple[float, float]:
    loop = asyncio.get_running_loop()
    begun_s, before = loop.time(), resource.getrusage(resource.RUSAGE_CHILDREN)
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        env={**os.environ, "WAYPOST_API": api},
        stdout=asyncio.subprocess.DEVNULL,
    )
    assert await process.wait() == 0, command
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return loop.time() - begun_s, cpu_s
