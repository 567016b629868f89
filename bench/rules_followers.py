"""A thousand nodes that follow their rules over HTTP: how soon each is told, and how much.

    one endpoint more             -> server -> 1,000 answers of /nodes/{name}/ipvs/changes
    20,000 endpoints replaced, 1,000 at a time -> the same, and the bytes each node was sent

Every node waits for news as an agent does: one connection, gzip, and the question again
with the revision of the last answer.  The server is the API's own, with the state in
memory (``rules_state/server.py``).  Lateness counts from when a change is visible there.
The nodes share this process, whose own work is in the figures too.
Goals: everybody has a change within 1 s; the 20,000 take at most 2.5 MB a node.

    python bench/rules_followers.py [--services 10000] [--endpoints 10] [--nodes 1000]
"""

import argparse
import asyncio
import gzip
import re
import resource
import statistics
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import cast

sys.path.insert(0, str(Path(__file__).parents[1]))

import uvloop

from bench.rules_state.cluster import Size

SERVER = Path(__file__).parent / "rules_state" / "server.py"
CHANGES, CHANGE_EACH_S = 10, 2.0
ROLLED_ENDPOINTS, ROLLED_AT_ONCE = 20_000, 1_000
LATE_GOAL_S, BYTES_GOAL = 1.0, 2_500_000
PATIENCE_S, RETRY_S = 60, 1.0  # how long a node lets itself be kept waiting; and after a refusal
SETTLE_S_MAX = 120.0
FILES = 4_096  # connections, and some
REVISION = re.compile(rb'"resourceVersion":"(\d+)"\}\s*\Z')
LENGTH = re.compile(rb"(?i)content-length: (\d+)\r\n")


@dataclass(frozen=True, slots=True)
class Moment:
    """A revision, when it became visible, and the processor time the server had had by then."""

    revision: int
    at: float
    cpu_s: float


@dataclass(slots=True)
class Server:
    """The process that is followed."""

    process: asyncio.subprocess.Process
    port: int

    async def told(self, line: str) -> Moment:
        """Have the state changed, or with an empty line only looked at."""
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(f"{line}\n".encode())
        revision, at, cpu_s = (await stdout.readline()).split()
        return Moment(int(revision), float(at), float(cpu_s))


@dataclass(eq=False)
class Node(asyncio.Protocol):
    """Follows the rules of one node, and notes when it was at which revision."""

    name: str
    since: int
    reached: dict[int, float] = field(default_factory=dict[int, float])
    received_bytes: int = 0
    answers: Counter[int] = field(default_factory=Counter[int])
    _data: bytes = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the first time."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's are no subclass
        self.ask()

    def ask(self) -> None:
        """Wait for what comes after what is known."""
        query = f"since={self.since}&timeoutSeconds={PATIENCE_S}"
        self.transport.write(
            f"GET /nodes/{self.name}/ipvs/changes?{query} HTTP/1.1\r\n"
            "host: localhost\r\naccept: application/json\r\naccept-encoding: gzip\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        """Take an answer once it is whole."""
        self._data += data
        head, blank, body = self._data.partition(b"\r\n\r\n")
        length = LENGTH.search(head + b"\r\n")
        if not blank or length is None or len(body) < int(length[1]):
            return
        self._data = b""
        status = int(head.split(b" ", 2)[1])
        self.answers[status] += 1
        if status != HTTPStatus.OK:
            asyncio.get_running_loop().call_later(RETRY_S, self.ask)
            return
        self.received_bytes += len(body)
        plain = gzip.decompress(body) if b"content-encoding: gzip" in head.lower() else body
        found = REVISION.search(plain)
        assert found is not None, plain[-200:]
        self.since = int(found[1])
        self.reached[self.since] = time.perf_counter()
        self.ask()

    def reached_at(self, revision: int) -> float | None:
        """Tell when it was at a revision or beyond; None when it has not been yet."""
        return min((at for known, at in self.reached.items() if known >= revision), default=None)


def main() -> None:
    """Measure and print; fail when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--services", type=int, default=10_000)
    parser.add_argument("--endpoints", type=int, default=10)
    parser.add_argument("--nodes", type=int, default=1_000)
    given = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(FILES, hard), hard))
    size = Size(given.services, given.endpoints, given.nodes)
    is_met = uvloop.run(measured(size))
    print("goals met" if is_met else f"NOT within {LATE_GOAL_S} s and {BYTES_GOAL:,} bytes")
    sys.exit(not is_met)


async def measured(size: Size) -> bool:
    """Serve the state, let the nodes follow, and change it."""
    async with serving(size) as server:
        loop = asyncio.get_running_loop()
        since = (await server.told("")).revision
        nodes = [Node(f"n{number}", since) for number in range(1, size.nodes + 1)]
        for node in nodes:
            await loop.create_connection(lambda node=node: node, "127.0.0.1", server.port)
        await asyncio.sleep(CHANGE_EACH_S)  # until all of them wait
        print(size)
        is_soon = await changed(server, nodes, size)
        return await rolled(server, nodes, size) and is_soon


@asynccontextmanager
async def serving(size: Size) -> AsyncGenerator[Server]:
    """Run the server for the length of the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(SERVER),
        *map(str, (size.services, size.endpoints, size.nodes)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Server(process, int(await process.stdout.readline()))
    finally:
        process.stdin.close()  # it ends with its input
        await process.wait()


async def changed(server: Server, nodes: list[Node], size: Size) -> bool:
    """Add one endpoint after the other; tell how late the nodes heard of it."""
    late_s, last_s = list[float](), list[float]()
    await everybody_at(nodes, (await server.told("add 0")).revision)  # what is made once is made
    await asyncio.sleep(CHANGE_EACH_S)
    before = await server.told("")
    for change in range(CHANGES):
        made = await server.told(f"add {(change + 1) * 7_919 % size.services}")
        arrivals = await everybody_at(nodes, made.revision)
        late_s += [at - made.at for at in arrivals]
        last_s.append(max(arrivals) - made.at)
        await asyncio.sleep(max(0.0, made.at + CHANGE_EACH_S - time.perf_counter()))
    cuts, after = statistics.quantiles(late_s, n=100), await server.told("")
    each_ms = 1e3 * (after.cpu_s - before.cpu_s) / CHANGES
    print(f"{CHANGES} times one endpoint more: {refusals(nodes)}")
    print(f"  lateness: p50 {cuts[49] * 1e3:.0f} ms, p99 {cuts[98] * 1e3:.0f} ms")
    print(f"  the last node: {max(last_s) * 1e3:.0f} ms at most (goal {LATE_GOAL_S * 1e3:.0f})")
    print(f"  server: {each_ms:.0f} ms of CPU until all nodes were told and waited again")
    return max(last_s) < LATE_GOAL_S


async def rolled(server: Server, nodes: list[Node], size: Size) -> bool:
    """Replace endpoints, many at a time; tell how much each node was sent."""
    before, bytes_before = await server.told(""), bytes_of(nodes)
    services = min(size.services, ROLLED_ENDPOINTS // size.endpoints)
    step, last_s = max(1, ROLLED_AT_ONCE // size.endpoints), list[float]()
    for first in range(0, services, step):
        made = await server.told(f"roll {first} {min(services, first + step)}")
        last_s.append(max(await everybody_at(nodes, made.revision)) - made.at)
    after = await server.told("")
    sent = [now - was for now, was in zip(bytes_of(nodes), bytes_before, strict=True)]
    print(f"{services * size.endpoints:,} endpoints replaced, {step * size.endpoints:,} at a time")
    print(f"  sent to a node: {statistics.mean(sent):,.0f} bytes, at most {max(sent):,}")
    print(f"  the last node: p50 {statistics.median(last_s):.1f} s, at most {max(last_s):.1f} s")
    print(f"  server: {after.cpu_s - before.cpu_s:.1f} s of CPU; {refusals(nodes)}")
    return max(sent) <= BYTES_GOAL


async def everybody_at(nodes: list[Node], revision: int) -> list[float]:
    """Wait until every node is at a revision; gives when each was."""
    missing, until = len(nodes), time.perf_counter() + SETTLE_S_MAX
    while time.perf_counter() < until:
        arrivals = [at for node in nodes if (at := node.reached_at(revision)) is not None]
        missing = len(nodes) - len(arrivals)
        if not missing:
            return arrivals
        await asyncio.sleep(0.02)
    sys.exit(f"{missing} nodes have not heard of revision {revision}")


def bytes_of(nodes: list[Node]) -> list[int]:
    """Tell how much each node has been sent."""
    return [node.received_bytes for node in nodes]


def refusals(nodes: list[Node]) -> str:
    """Count the answers that were none."""
    refused = sum((node.answers for node in nodes), Counter[int]())
    del refused[HTTPStatus.OK]
    return f"refused {dict(refused)}" if refused else "nobody refused"


if __name__ == "__main__":
    main()
