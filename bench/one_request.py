"""How long others wait while one large or hostile request is answered.

    `waypost serve` with a database of its own -> one request after the other
    meanwhile, from another process -> GET /livez and a name, every 10 ms

The peer is the same server with nothing else to do, in the same run.  Read p99 first: it is what
somebody meets who asks at any moment while the request lasts.

    python bench/one_request.py [--objects 10000]
"""

import argparse
import asyncio
import json
import socket
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.end_to_end.processes import Serving, serving

GOAL_MS = 50.0  # p99 of /livez
PAUSE_S = 0.01
IDLE_S = 3.0
AFTER_S = 1.0  # what follows from a request may last as long
APPS = 200
JSON, YAML = "application/json", "application/yaml"
NAME = b"kubernetes.default.svc.cluster.local"
Wire = dict[str, Any]
EMPTY: Wire = {"kind": "List", "items": []}
FIRST_POD = int(IPv4Address("10.244.0.1"))
SHARES = (0.5, 0.99, 1.0)
COLUMNS = "".join(f"{name:>8}" for name in ("p50", "p99", "max"))


@dataclass(frozen=True, slots=True)
class Request:
    """One request, which is to be answered in any way."""

    name: str
    path: str
    body: bytes
    media: str = JSON
    method: str = "POST"


def main() -> None:
    """Measure, print a table, and fail when the goal is missed."""
    if sys.argv[1:2] == ["--observe"]:
        asyncio.run(observe(int(sys.argv[2]), int(sys.argv[3])))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=10_000, help="of a large body")
    sys.exit(asyncio.run(run(parser.parse_args().objects)))


async def run(objects: int) -> int:
    """Send every request once; fail when one keeps others waiting."""
    with tempfile.TemporaryDirectory() as folder:
        async with serving(Path(folder), apply_objects_max=str(objects + APPS)) as server:
            print(f"{'milliseconds':38}{'GET /livez':>24}{'a name':>24}")
            print(f"{'request':24} answer  took  {COLUMNS * 2}")
            await report(server, "none (the peer)", asyncio.sleep(IDLE_S))
            worst_ms = [
                await report(server, request.name, send(server, request))
                for request in requests(objects)
            ]
    return int(max(worst_ms) >= GOAL_MS)


def requests(objects: int) -> Iterator[Request]:
    """List what is asked, in an order in which each finds what it needs."""
    new = a_list(*map(a_service, range(APPS)), *map(a_pod, range(objects)))
    yield Request("apply, dry", "/apply?dryRun=All", new)
    yield Request("apply, new", "/apply", new)
    yield Request("apply, the same", "/apply", new)
    changed = a_list(*(a_pod(number, version="2") for number in range(objects)))
    yield Request("apply, changed", "/apply", changed)
    lines = b"\n---\n".join(json.dumps(a_pod(number)).encode() for number in range(objects // 2))
    yield Request("apply, YAML, dry", "/apply?dryRun=All", lines, YAML)
    yield Request("a Service of them all", "/services", json.dumps(a_service_of_all()).encode())
    yield Request("... deleted", "/services/bench/all", b"", method="DELETE")
    yield Request("a list of them all", "/pods", b"", method="GET")
    yield Request("... with a selector", "/pods?labelSelector=all=y,app!=a1", b"", method="GET")
    yield from hostile_requests()
    yield Request("render", "/render", json.dumps(rendered(2_000)).encode())
    yield Request("a namespace deleted", "/namespaces/bench", b"", method="DELETE")


def hostile_requests() -> Iterator[Request]:
    """List bodies that nobody means well with."""
    yield Request(
        "240,000 aliases", "/apply", b"a: &a {x: 1}\nb: [" + b"*a," * 240_000 + b"]", YAML
    )
    yield Request("100,000 Lists", "/apply", a_list(*[EMPTY] * 100_000))
    yield Request("4 M numbers", "/apply", b"[" + b"1," * 4_000_000 + b"1]")
    yield Request("400,000 numbers", "/apply", b'{"x": [' + b"1," * 400_000 + b"1]}")
    yield Request("40,000 ports that are none", "/services", ports_that_are_none())
    yield Request("1,000 equal ports", "/apply", with_ports([{"name": "p", "port": 1}] * 1_000))
    ports = [{"name": f"p{n}", "port": n + 1} for n in range(1_000)]
    yield Request("1,000 ports", "/apply", with_ports(ports))
    yield Request("49,000 ports", "/apply", with_ports(ports * 49))
    finalizers = {
        "name": "x",
        "namespace": "bench",
        "finalizers": [f"a/b{n}" for n in range(1_000)],
    }
    held = {"apiVersion": "v1", "kind": "Pod", "metadata": finalizers}
    yield Request("1,000 finalizers", "/apply", json.dumps(held).encode())
    labels = {"metadata": {"name": "x", "labels": {f"k{n}": "v" for n in range(49_000)}}}
    yield Request("49,000 labels", "/pods", json.dumps(labels).encode())
    unknown = {"metadata": {"name": "x"}, "spec": {f"k{n}": n for n in range(49_000)}}
    yield Request("49,000 unknown fields", "/pods", json.dumps(unknown).encode())


async def send(server: Serving, request: Request) -> int:
    """Send a request; gives the status of its answer."""
    answer = await server.client.request(
        request.method,
        request.path,
        content=request.body,
        headers={"content-type": request.media} if request.body else {},
        timeout=300,
    )
    return answer.status_code


async def report(server: Serving, name: str, working: Awaitable[object]) -> float:
    """Observe the server while something goes on, and print it; gives the p99 of ``/livez``."""
    observer = await asyncio.create_subprocess_exec(
        *(sys.executable, __file__, "--observe", str(server.api_port), str(server.dns_port)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert observer.stdout is not None, "it is a pipe"
    await observer.stdout.readline()
    begun_s = perf_counter()
    answer = await working
    took_s = perf_counter() - begun_s
    await asyncio.sleep(AFTER_S)
    output, _ = await observer.communicate(b"\n")
    health, named = (sorted(waited) for waited in json.loads(output))
    cells = [f"{quantile(each, share):8.0f}" for each in (health, named) for share in SHARES]
    print(f"{name:27}{answer or '':>4}{took_s:5.1f} s{''.join(cells)}", flush=True)
    return quantile(health, 0.99)


def quantile(waited: list[float], share: float) -> float:
    """Give the value below which a share of sorted ones lies."""
    return waited[min(len(waited) - 1, int(len(waited) * share))]


async def observe(api_port: int, dns_port: int) -> None:
    """Ask again and again until a line comes; prints all the waiting times, in milliseconds."""
    health: list[float] = []
    named: list[float] = []
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{api_port}", timeout=120) as client:
        await client.get("/livez")
        asking = [
            asyncio.create_task(again_and_again(lambda: client.get("/livez"), health)),
            asyncio.create_task(again_and_again(Name(dns_port).ask, named)),
        ]
        print("observing", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
    print(json.dumps([health, named]))


async def again_and_again(ask: Callable[[], Awaitable[object]], waited_ms: list[float]) -> None:
    """Note how long each answer takes; one that is still waited for at the end counts, too."""
    while True:
        begun_s = perf_counter()
        try:
            await ask()
        finally:
            waited_ms.append((perf_counter() - begun_s) * 1e3)
        await asyncio.sleep(PAUSE_S)


class Name:
    """Asks the DNS for one name."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(0)
        self._socket.connect(("127.0.0.1", port))
        labels = b"".join(bytes([len(word)]) + word for word in NAME.split(b"."))
        self._question = b"\0\1\1\0\0\1\0\0\0\0\0\0" + labels + b"\0\0\1\0\1"

    async def ask(self) -> None:
        """Ask, and wait for the answer."""
        self._socket.send(self._question)
        await asyncio.get_running_loop().sock_recv(self._socket, 4_096)


def a_list(*items: Wire) -> bytes:
    """Write objects as one List."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items}).encode()


def a_pod(number: int, **labels: str) -> Wire:
    """Make a Pod of one of the applications."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"pod-{number}",
            "namespace": "bench",
            "labels": {"app": f"a{number % APPS}", "all": "y", **labels},
        },
        "status": {
            "phase": "Running",
            "podIPs": [{"ip": str(IPv4Address(FIRST_POD + number))}],
        },
    }


def a_service(number: int) -> Wire:
    """Make the Service of an application."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": f"service-{number}", "namespace": "bench"},
        "spec": {"selector": {"app": f"a{number}"}, "ports": [{"port": 80}]},
    }


def a_service_of_all() -> Wire:
    """Make a Service with every Pod behind it."""
    return {
        "metadata": {"name": "all", "namespace": "bench"},
        "spec": {"selector": {"all": "y"}, "ports": [{"port": 80}]},
    }


def rendered(services: int) -> Wire:
    """Make a request for rules."""
    return {
        "node": {"metadata": {"name": "n1"}},
        "services": [
            {
                "metadata": {"name": f"s{n}"},
                "spec": {"clusterIP": f"10.96.{n // 250}.{n % 250 + 1}", "ports": [{"port": 80}]},
            }
            for n in range(services)
        ],
    }


def with_ports(ports: list[Wire]) -> bytes:
    """Write a Service that has them."""
    meta = {"name": "ports", "namespace": "bench"}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"ports": ports}}
    return json.dumps(service).encode()


def ports_that_are_none() -> bytes:
    """Write a Service in which every port is of the wrong type."""
    return json.dumps({"metadata": {"name": "x"}, "spec": {"ports": [1] * 40_000}}).encode()


if __name__ == "__main__":
    main()
