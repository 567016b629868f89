"""How soon a real server answers a node that asks for all of its rules.

    10,000 Services, 100,000 endpoints in the tables -> `waypost serve`, ready
    -> GET /nodes/{name}/ipvs, for one node after the other, over a real socket

The first node asks as soon as the server says that it is ready; nobody has asked before.

    python bench/rules_http.py [--services 10000] [--endpoints 10]
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parents[1]))

from app.domain.objects.node import Node, NodeAddress
from app.domain.objects.resource import Object
from bench.dns_memory import loaded, objects
from bench.registry_state.tables import meta
from tests.end_to_end.processes import Serving

GOAL_S = 0.5
NODES = 5


def main() -> None:
    """Measure, print, and fail above the goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--services", type=int, default=10_000)
    parser.add_argument("--endpoints", type=int, default=10, help="of each Service")
    asked = parser.parse_args()
    sys.exit(asyncio.run(run(asked.services, asked.endpoints)))


async def run(services: int, endpoints: int) -> int:
    """Let every node ask once; fail when the slowest waits too long."""
    state = [*objects(services, endpoints), *nodes()]
    with tempfile.TemporaryDirectory() as folder:
        async with loaded(Path(folder), state) as server:
            waited_s = [await ask(server, f"node-{number}") for number in range(NODES)]
    print(f"the slowest of {NODES} nodes waited {max(waited_s):.2f} s (goal {GOAL_S} s)")
    return 0 if max(waited_s) < GOAL_S else 1


def nodes() -> Iterator[Object]:
    """Make the nodes that ask."""
    for number in range(NODES):
        address = NodeAddress(type="InternalIP", address=f"192.168.0.{number + 1}")
        yield Node(metadata=meta(f"node-{number}"), addresses=(address,))


async def ask(server: Serving, node: str) -> float:
    """Ask for everything a node is told; gives the seconds until all of it is there."""
    begun_s = perf_counter()
    answer = await server.client.get(f"/nodes/{node}/ipvs")
    waited_s = perf_counter() - begun_s
    size = len(answer.raise_for_status().content)
    print(f"{node}: {waited_s * 1e3:6.0f} ms, {size:,} bytes of JSON", flush=True)
    return waited_s


if __name__ == "__main__":
    main()
