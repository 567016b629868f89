"""How soon a commit shows in answers, and what it costs the answers of other names.

10,000 Services, 100,000 endpoints, all answered once
-> a commit -> the first answer that shows it, over a real socket

python bench/dns_change.py [--commits 200] [--services 10000] [--endpoints 10]
"""

import argparse
import asyncio
import gc
import socket
import statistics
import sys
import time
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from app.dns.serving.server import DNSServer
from app.domain.changes import Change
from app.domain.names import NamespacedName, Revision
from app.registry.reads.view import View
from bench.dns_state.cluster import DOMAIN, NAMESPACES, config, name_of, snapshot

GOAL_MS = 10


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("commits", 200), ("services", 10_000), ("endpoints", 10)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    asyncio.run(measure(asked.commits, asked.services, asked.endpoints))


async def measure(commits: int, services: int, endpoints: int) -> None:
    """Commit again and again, and look at the clock."""
    view, state = View(), snapshot(services, endpoints)
    view.reset(state, history=(), compacted=state.revision)
    server = DNSServer(view, config())
    await server.start("127.0.0.1", 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as line:
        line.connect(("127.0.0.1", server.port))
        for number in range(services):
            await _ask(line, number)
        gc.collect()
        gc.freeze()
        answers = server.protocol.answers.by_wire
        kept, changing = len(answers), [_wire_name(number) for number in range(commits)]
        others = [wire for wire in answers if not any(name in wire for name in changing)]
        times_ms = sorted([await _commit(view, line, n % services) for n in range(commits)])
    lost = sum(wire not in answers for wire in others)
    await server.close()
    median_ms, p99_ms = statistics.median(times_ms), times_ms[int(0.99 * commits)]
    print(
        f"{commits} commits beside {kept:,} compiled answers: visible after {median_ms:.2f} ms "
        f"(median), {p99_ms:.2f} ms (p99), {times_ms[-1]:.2f} ms (worst; goal {GOAL_MS}); "
        f"answers of other Services lost: {lost}"
    )


async def _commit(view: View, line: socket.socket, number: int) -> float:
    key = NamespacedName(f"team-{number % NAMESPACES}", f"service-{number}")
    before = view.snapshot.services[key]
    address = IPv4Address(before.cluster_ips[0]) + 2**16
    after = replace(before, cluster_ip=str(address), cluster_ips=(str(address),))
    change = Change(revision=Revision(view.snapshot.revision + 1), before=before, after=after)
    started = time.perf_counter()
    view.advance([change])
    reply = await _ask(line, number)
    elapsed_ms = (time.perf_counter() - started) * 1000
    assert reply.endswith(address.packed), "the answer shows the commit"
    return elapsed_ms


async def _ask(line: socket.socket, number: int) -> bytes:
    name, loop = _wire_name(number), asyncio.get_running_loop()
    await loop.sock_sendall(line, b"\0\1\1\0\0\1\0\0\0\0\0\0" + name + b"\0\0\1\0\1")
    return await loop.sock_recv(line, 4096)


def _wire_name(number: int) -> bytes:
    labels = f"{name_of(number)}.{DOMAIN}".split(".")
    return b"".join(bytes((len(label),)) + label.encode() for label in labels)


if __name__ == "__main__":
    main()
