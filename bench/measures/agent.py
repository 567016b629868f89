"""An agent with nftables, from its start to the rules in the kernel.

    a network namespace of its own: a filled registry, `waypost agent --once` -> seconds
    the text that it loads -> nft -f -> what of that is the kernel's and nft's

The processes run in a namespace that this benchmark makes, as `python -m
bench.harness.agent_alone`, so the machine's own rules are not touched.  Needs root.
"""

import asyncio
import json
import os
import sys

from bench.harness.figures import Figure, Goal, at_most
from bench.harness.machine import ROOT
from bench.harness.processes import CORES
from bench.harness.run import Run
from bench.harness.wire import Size

PEER = "nft -f of the same text"
GOALS: dict[int, tuple[Goal, str]] = {
    1_000: (at_most(0.8), "kube-proxy 1.36: 1.3 s"),
    5_000: (at_most(2.5), "kube-proxy 1.36: 10.7 s"),
}


async def measure(run: Run) -> None:
    """Take each size that is not larger than the run's, or the run's own if all are."""
    if not run.has("nft", "unshare", "ip"):
        return
    if os.geteuid() != 0:
        run.remark("agent: not measured, which only root can do")
        return
    sizes = [services for services in GOALS if services <= run.size.services]
    for services in sizes or [run.size.services]:
        await one_size(run, Size(services, run.size.pods_each))


async def one_size(run: Run, size: Size) -> None:
    """Start agents at a registry of one size."""
    goal, elsewhere = GOALS.get(size.services, (None, ""))
    what = f"agent, nftables, {size.services:,} Services × {size.pods_each}"  # noqa: RUF001
    wall = Figure(f"{what}, start to kernel", "s", goal, PEER)
    cpu = Figure(f"processor time of it, {size.services:,} Services", "s", None, PEER)
    if elsewhere:
        run.remark(f"agent, {size.services:,} Services: measured once elsewhere, {elsewhere}")
    stored = await run.registries.stored(size)
    cores = ",".join(map(str, CORES))
    process = await asyncio.create_subprocess_exec(
        *("taskset", "-c", cores, "unshare", "--net"),
        *(sys.executable, "-m", "bench.harness.agent_alone", str(stored.parent)),
        *map(str, (size.services, size.pods_each, run.options.rounds)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 20,
    )
    assert process.stdout is not None, "it is a pipe"
    async for line in process.stdout:
        told = json.loads(line)
        for figure, word in ((wall, "wall_s"), (cpu, "cpu_s")):
            run.note(figure, told["agent"][word])
            run.note_peer(figure, told["nft"][word])
    assert await process.wait() == 0, "it has said why"
