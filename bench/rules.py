"""How long a node's rules take: whole, and after one endpoint changed.

    state in memory, nothing worked out -> the bytes of a node's whole rule set
    one endpoint more -> the bytes of the delta of one node, of every node

    python bench/rules.py [--services 10000] [--endpoints 10] [--nodes 1000]

Goals: a whole rule set in under 0.5 s, a change to its delta in under 5 ms and not
growing with the number of Services or nodes, the deltas of all nodes in under 1 s.
The first goal is for a process that has worked out what nodes share, as it does when it
starts and soon after changes; what the first node waits for without that is printed beside it.
Everything is asked of ``NodeRulesReader``, as the API asks it, in this process:
``rules_followers.py`` goes over HTTP.
"""

import argparse
import asyncio
import statistics
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter, process_time

sys.path.insert(0, str(Path(__file__).parents[1]))

from app.domain.dataplane.rules.model import RulesConfig
from app.domain.names import Revision
from app.registry.node_rules import IPVS, NodeRulesReader
from app.registry.reads.view import View
from app.schemas.rules.codec import encode_rules
from app.schemas.rules.operations import encode_operation_list
from bench.rules_state.cluster import NODE_PORTS, Size, a_view, add_endpoint

CHANGES = 40  # single changes timed
WHOLE_GOAL_S, CHANGE_GOAL_S, ALL_GOAL_S = 0.5, 0.005, 1.0


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds by the clock, and of this process's processor time."""

    wall_s: float
    cpu_s: float

    def __str__(self) -> str:
        return f"{self.wall_s * 1e3:9.2f} ms ({self.cpu_s * 1e3:.2f} of CPU)"


def main() -> None:
    """Measure and print; fail when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--services", type=int, default=10_000)
    parser.add_argument("--endpoints", type=int, default=10)
    parser.add_argument("--nodes", type=int, default=1_000)
    given = parser.parse_args()
    size = Size(given.services, given.endpoints, given.nodes)
    print(size)
    is_met = asyncio.run(measured(size))
    print("goals met" if is_met else "NOT under 0.5 s, 5 ms and 1 s")
    sys.exit(not is_met)


async def measured(size: Size) -> bool:
    """Take all figures; tell whether they are good enough."""
    view = a_view(size)
    # The first node to ask pays for what all nodes share, unless it was worked out ahead.
    reader = a_reader(view)
    cold, size_bytes = await timed(lambda: whole(reader, view, "n1"))
    another, _ = await timed(lambda: whole(reader, view, "n2"))
    warm_reader = a_reader(view)
    ahead, _ = await timed(warm_reader.warm)
    warm, _ = await timed(lambda: whole(warm_reader, view, "n1"))
    print(f"whole rule set, {size_bytes:,} bytes of JSON")
    for name, cost in (
        ("first node, worked out ahead", warm),
        ("  working out ahead, at the start", ahead),
        ("first node, nothing worked out", cold),
        ("another node", another),
    ):
        print(f"  {name:38}{cost}")
    median, most = await singles(reader, view, size)
    tenth = replace(size, services=size.services // 10)
    small = a_view(tenth)
    median_of_tenth, _ = await singles(a_reader(small), small, tenth)
    print(f"one endpoint more, one node {median * 1e3:.2f} ms, at most {most * 1e3:.2f}")
    print(f"  among a tenth of the Services {median_of_tenth * 1e3:.2f} ms")
    add_endpoint(view, 3)
    every, told = await timed(lambda: told_to_all(reader, view, size))
    print(f"one endpoint more, every node: {told // size.nodes} bytes each")
    print(f"  {'all of them':38}{every}")
    return warm.wall_s < WHOLE_GOAL_S and median < CHANGE_GOAL_S and every.wall_s < ALL_GOAL_S


async def whole(reader: NodeRulesReader, view: View, node: str) -> int:
    """Answer what ``GET /nodes/{name}/ipvs`` answers; give its size."""
    rules = await reader.ipvs(view.snapshot, node)
    return len(encode_rules(rules).encode())


async def singles(reader: NodeRulesReader, view: View, size: Size) -> tuple[float, float]:
    """Time changes of one endpoint to the delta of one node: median and most, in seconds."""
    await reader.ipvs(view.snapshot, "n1")
    taken_s: list[float] = []
    for number in range(CHANGES):
        since = add_endpoint(view, number * 7 % size.services)
        cost, _ = await timed(lambda since=since: told_to(reader, view, "n1", since))
        taken_s.append(cost.wall_s)
    return statistics.median(taken_s), max(taken_s)


async def told_to_all(reader: NodeRulesReader, view: View, size: Size) -> int:
    """Give every node its delta of the last change; how many bytes that is."""
    since = Revision(view.snapshot.revision - 1)
    return sum([await told_to(reader, view, f"n{n}", since) for n in range(1, size.nodes + 1)])


async def told_to(reader: NodeRulesReader, view: View, node: str, since: Revision) -> int:
    """Give one node its delta."""
    changes = await reader.changes(IPVS, view.snapshot, node, since)
    assert not isinstance(changes.plan, str), "a plan in IPVS mode is no text"
    return sum(len(encode_operation_list(part)) for part in changes.plan)


async def timed(work: Callable[[], Awaitable[int | None]]) -> tuple[Cost, int]:
    """Time something once, by the wall and by the processor."""
    start, cpu = perf_counter(), process_time()
    result = await work()
    return Cost(perf_counter() - start, process_time() - cpu), result or 0


def a_reader(view: View) -> NodeRulesReader:
    """Make what answers nodes, with nothing worked out."""
    return NodeRulesReader(view, RulesConfig(), node_ports=NODE_PORTS)


if __name__ == "__main__":
    main()
