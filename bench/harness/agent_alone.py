"""The part of the agent's benchmark that runs in a network namespace of its own.

    folder of filled registries, size -> seconds of the agent and of nft, a line of JSON a round

python -m bench.harness.agent_alone FOLDER SERVICES PODS_EACH ROUNDS
"""

import asyncio
import json
import resource
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

from bench.harness.machine import ROOT, program
from bench.harness.processes import take_load_core
from bench.harness.registries import Registries, scratch_folder
from bench.harness.wire import Size

AGENT = (sys.executable, "-m", "app", "agent", "--node", "node-0", "--backend", "nftables")
ONCE = ("--once", "--metrics-port", "0")


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds of one process and its children."""

    wall_s: float
    cpu_s: float


async def main(folder: Path, size: Size, rounds: int) -> None:
    """Serve the registry, and start an agent in each round."""
    take_load_core()
    await took("ip", "link", "set", "lo", "up")
    nft = program("nft")
    assert nft is not None, "whoever starts this has looked whether nft is there"
    with scratch_folder("wa-") as scratch:
        registries = Registries(scratch, folder, say=lambda _: None)
        async with registries.filled(size) as registry:
            api = ("--api", f"http://127.0.0.1:{registry.server.api_port}")
            text = scratch / "rules.nft"
            await took(*AGENT, *api, *ONCE, "--dry-run", output=text)
            for _ in range(rounds):
                agent = await took(*AGENT, *api, *ONCE)
                await took(nft, "flush", "ruleset")
                loaded = await took(nft, "-f", str(text))
                await took(nft, "flush", "ruleset")
                print(json.dumps({"agent": asdict(agent), "nft": asdict(loaded)}), flush=True)


async def took(*command: str, output: Path | None = None) -> Took:
    """Run a command, which must succeed."""
    before, begun_s = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter()
    with (output or Path("/dev/null")).open("wb") as stdout:
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=stdout)
        code = await process.wait()
    wall_s = perf_counter() - begun_s
    assert code == 0, command
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Took(wall_s, cpu_s)


if __name__ == "__main__":
    services, pods_each, rounds = map(int, sys.argv[2:5])
    asyncio.run(main(Path(sys.argv[1]), Size(services, pods_each), rounds))
