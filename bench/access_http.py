"""What authentication and rights cost a request: two servers in one run, one with and one without.

    `waypost serve --auth`, `waypost serve` -> GET /services/{namespace}/{name}, over real sockets
    rounds in turn -> requests a second, and processor time of the server for each

The caller is a user with a token and the role `view` in one namespace, among as many bindings of
others as are asked for.  A round asks one server and then the other, so that what else the
machine does falls on both.

    python bench/access_http.py [--bindings 2000] [--rounds 7] [--seconds 2]
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parents[1]))

import psutil

from tests.end_to_end.processes import Serving, serving

CONNECTIONS = 8
COST_GOAL = 0.05  # of the throughput
NAMESPACE, USER = "prod", "alice"
RBAC = "rbac.authorization.k8s.io"


@dataclass(frozen=True, slots=True)
class Rate:
    """What a server did in one round."""

    requests_a_s: float
    cpu_us: float
    """Processor time of the server for one request, in microseconds."""


def main() -> None:
    """Measure, print, and fail above the goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bindings", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each server in a round")
    asked = parser.parse_args()
    sys.exit(not asyncio.run(run(asked.bindings, asked.rounds, asked.seconds)))


async def run(bindings: int, rounds: int, seconds: float) -> bool:
    """Ask both servers in turn; say whether the goal is met."""
    with tempfile.TemporaryDirectory() as folder:
        async with (
            serving(Path(folder, "on"), "--auth") as guarded,
            serving(Path(folder, "off")) as open_,
        ):
            guarded.client.headers["Authorization"] = f"Bearer {administrator_of(folder)}"
            token = await prepare(guarded, bindings)
            await prepare(open_, bindings)  # the same state, so that only the checks differ
            on, off = list[Rate](), list[Rate]()
            for number in range(rounds + 1):
                with_auth = await measured(guarded, seconds, token)
                without = await measured(open_, seconds, "")
                if number:  # the first round warms both
                    on.append(with_auth)
                    off.append(without)
    return report(on, off)


def administrator_of(folder: str) -> str:
    """Read the token of the first administrator."""
    return Path(folder, "on/state/admin.token").read_text().strip()


def report(on: Sequence[Rate], off: Sequence[Rate]) -> bool:
    """Print the medians, and what access control takes."""
    for name, rates in (("without", off), ("with", on)):
        rate = median([each.requests_a_s for each in rates])
        cpu_us = median([each.cpu_us for each in rates])
        print(f"{name:8} {rate:8.0f} requests/s, {cpu_us:6.1f} us of processor each")
    kept = median([a.requests_a_s / b.requests_a_s for a, b in zip(on, off, strict=True)])
    more_us = median([a.cpu_us - b.cpu_us for a, b in zip(on, off, strict=True)])
    print(f"throughput with: {kept:.3f} of without (goal {1 - COST_GOAL}), {more_us:+.1f} us each")
    return kept >= 1 - COST_GOAL


async def prepare(server: Serving, bindings: int) -> str:
    """Give a user the right to read, among the bindings of others; returns its token."""
    await posted(server, "/services", service())
    await posted(server, "/rolebindings", binding("of-alice", USER))
    documents = [binding(f"of-{number}", f"user-{number}") for number in range(bindings)]
    for first in range(0, len(documents), 500):
        await posted(
            server,
            "/apply",
            {"kind": "List", "apiVersion": "v1", "items": documents[first : first + 500]},
        )
    draft = {"apiVersion": "access.waypost/v1", "kind": "Token", "spec": {"user": USER}}
    token: str = (await posted(server, "/tokens", draft))["status"]["token"]
    return token


async def posted(
    server: Serving, path: str, document: Mapping[str, object]
) -> dict[str, dict[str, str]]:
    """Post a document; returns the answer."""
    answer = await server.client.post(path, json=document)
    found: dict[str, dict[str, str]] = answer.raise_for_status().json()
    return found


def service() -> dict[str, object]:
    """Describe the Service that is asked for."""
    meta = {"namespace": NAMESPACE, "name": "ent"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta,
        "spec": {"ports": [{"port": 80}]},
    }


def binding(name: str, user: str) -> dict[str, object]:
    """Describe a binding of the role `view` to a user."""
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"namespace": NAMESPACE, "name": name},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "User", "apiGroup": RBAC, "name": user}],
    }


async def measured(server: Serving, seconds: float, token: str) -> Rate:
    """Ask over several connections for some seconds."""
    process = psutil.Process(server.process.pid)
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    request = (
        f"GET /services/{NAMESPACE}/ent HTTP/1.1\r\nHost: 127.0.0.1:{server.api_port}\r\n"
        f"{authorization}\r\n"
    ).encode()
    before, begun_s = process.cpu_times(), perf_counter()
    counts = await asyncio.gather(
        *(asking(server.api_port, request, begun_s + seconds) for _ in range(CONNECTIONS))
    )
    taken_s, after = perf_counter() - begun_s, process.cpu_times()
    cpu_s = after.user + after.system - before.user - before.system
    return Rate(sum(counts) / taken_s, cpu_s / sum(counts) * 1e6)


async def asking(port: int, request: bytes, until_s: float) -> int:
    """Send one request after the other on one connection; counts the answers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    count = 0
    while perf_counter() < until_s:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length))
        count += 1
    writer.close()
    await writer.wait_closed()
    return count


if __name__ == "__main__":
    main()
