"""The rules of a node from objects in the request, and what others wait meanwhile.

node, Services, slices -> POST /render -> seconds
GET /livez and GET /resolve in turn, every 5 ms -> p99 while it lasts
"""

import asyncio
from http.client import HTTPConnection
from ipaddress import IPv4Address
from time import monotonic

from bench.harness.figures import Figure, at_most, percentile
from bench.harness.load import JSON, request
from bench.harness.run import Run
from bench.harness.wire import FIRST_POD, Size, Wire, as_json, node
from bench.harness.writer import connect

FIRST_SERVICE = int(IPv4Address("10.97.0.0"))
BODY_BYTES_MAX = 1 << 26
EVERY_S = 0.005
BOUND = (
    "of 1.21 s of processor time in one process (2026-12-01, 191ae9e) 0.38 are the rules, 0.26 the "
    "reading of objects, 0.20 the JSON (0.06 the parser), 0.12 defaults and validation, 0.12 the "
    "indexes, 0.12 IPVS and the answer; over a socket others are answered meanwhile"
)
ANSWER_S_MAX = 300
OTHERS_P99 = Figure("others' answers meanwhile, p99", "ms", at_most(20))
OTHERS_IDLE = Figure("others' answers with nothing else asked, p99", "ms")
IDLE_S = 2.0


async def measure(run: Run) -> None:
    """Render in each round, and ask for other things meanwhile."""
    body = as_json(rendering(run.size))
    figure = Figure(
        f"POST /render, {run.size.services:,} Services × {run.size.pods_each}",  # noqa: RUF001
        "s",
        at_most(0.8),
        bounded_by=BOUND,
    )
    async with run.registries.empty(body_bytes_max=str(BODY_BYTES_MAX)) as registry:
        port = registry.server.api_port
        waited_ms: list[float] = []
        for _ in run.rounds():
            idle_ms = await while_waiting(port, asyncio.create_task(asyncio.sleep(IDLE_S)))
            run.note(OTHERS_IDLE, percentile(idle_ms, 99))
            begun_s = monotonic()
            rendered = asyncio.create_task(asyncio.to_thread(render, port, body))
            waited_ms = await while_waiting(port, rendered)
            run.note(figure, monotonic() - begun_s)
            run.note(OTHERS_P99, percentile(waited_ms, 99))


def render(port: int, body: bytes) -> None:
    """Send the request and read all of the answer; in a thread, for others are asked meanwhile."""
    connection = HTTPConnection("127.0.0.1", port, timeout=ANSWER_S_MAX)
    connection.request("POST", "/render", body=body, headers={"Content-Type": JSON})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    assert answer.status == 200, content[:1_000]  # noqa: PLR2004  OK


async def while_waiting(port: int, task: "asyncio.Task[None]") -> list[float]:
    """Ask others' questions until a task is done; gives the milliseconds each answer took."""
    connection, waited_ms = await connect(port), list[float]()
    questions = (request("GET", "/livez"), request("GET", "/resolve?name=kubernetes.default"))
    while not task.done():
        begun_s = monotonic()
        await connection.ask(questions[len(waited_ms) % 2])
        waited_ms.append(1e3 * (monotonic() - begun_s))
        await asyncio.sleep(EVERY_S)
    await task
    await connection.close()
    return waited_ms


def rendering(size: Size) -> Wire:
    """Describe a node and everything that it is told of.

    No more is said than is needed: a body may hold 500,000 values.  With 10,000 Services there are
    480,014, and with a node, conditions and a reference for each endpoint 1,380,014.
    """
    return {
        "node": node(0),
        "services": [_service(number) for number in range(size.services)],
        "endpointSlices": [_slice(number, size) for number in range(size.services)],
    }


def _service(number: int) -> Wire:
    address = str(IPv4Address(FIRST_SERVICE + number))
    return {
        "metadata": {"name": f"service-{number}"},
        "spec": {"clusterIP": address, "ports": [{"port": 80}]},
    }


def _slice(number: int, size: Size) -> Wire:
    name, first = f"service-{number}", FIRST_POD + number * size.pods_each
    pods = range(first, first + size.pods_each)
    return {
        "metadata": {"name": f"{name}-a", "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "ports": [{"port": 8080}],
        "endpoints": [{"addresses": [str(IPv4Address(pod))]} for pod in pods],
    }
