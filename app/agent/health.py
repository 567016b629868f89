"""The agent's own endpoint: whether it does its work, and what it has counted.

    GET /healthz, /readyz -> 200, or 503 with what is wrong
    GET /livez            -> 200
    GET /metrics          -> Prometheus' text

A registry that is away is told and does not make the agent unhealthy: the node keeps
its rules.  As small as HTTP can be: one request a connection, only its first line read.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.agent.tally import Tally

REQUEST_S_MAX: Final = 5.0
HEADER_BYTES_MAX: Final = 8_192
CONNECTIONS_MAX: Final = 64

Route = Callable[[], tuple[HTTPStatus, str]]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it should be; ``is_ours`` makes the agent unhealthy."""

    text: str
    is_ours: bool


def problems_of(tally: Tally, others: Iterable[str] = ()) -> Sequence[Problem]:
    """List what is wrong, by what the loop has counted and by what runs beside it."""
    found = [Problem(text, is_ours=False) for text in (tally.registry_problem, *others) if text]
    if tally.sink_problem:
        found.append(Problem(tally.sink_problem, is_ours=True))
    elif tally.settled_at_s is None:
        found.append(Problem("the rules have not been applied yet", is_ours=True))
    return found


def health_route(problems: Callable[[], Sequence[Problem]]) -> Route:
    """Answer with everything that is wrong; 503 when the agent fails its work."""

    def answer() -> tuple[HTTPStatus, str]:
        found = problems()
        status = HTTPStatus.OK
        if any(problem.is_ours for problem in found):
            status = HTTPStatus.SERVICE_UNAVAILABLE
        return status, "".join(f"{problem.text}\n" for problem in found) or "ok\n"

    return answer


def metrics_route(tally: Tally) -> Route:
    """Answer with what has been counted."""
    registry = CollectorRegistry()
    registry.register(TallyCollector(tally))
    return lambda: (HTTPStatus.OK, generate_latest(registry).decode())


class TallyCollector(Collector):
    """A tally in Prometheus' words."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def collect(self) -> Iterator[Metric]:
        """Give every count and state."""
        tally = self._tally
        for name, help_, count in (
            ("applications", "Applications to the kernel.", tally.applications),
            ("steps", "Steps taken in them.", tally.steps),
            ("resyncs", "Looks at what the kernel holds.", tally.resyncs),
            ("foreign_steps", "Steps that mended what others had changed.", tally.foreign_steps),
            ("registry_failures", "Questions without an answer.", tally.registry_failures),
            ("sink_failures", "Applications that failed.", tally.sink_failures),
            ("mishaps", "Turns that ended with a bug.", tally.mishaps),
        ):
            yield CounterMetricFamily(f"waypost_agent_{name}", help_, count)
        for name, help_, value in (
            ("revision", "The revision that the kernel holds.", tally.revision),
            ("draining_servers", "Real servers whose end is awaited.", tally.draining),
            ("registry_reachable", "Whether the registry answers.", not tally.registry_problem),
            ("settled", "Whether the kernel held what was wanted.", not tally.sink_problem),
        ):
            yield GaugeMetricFamily(f"waypost_agent_{name}", help_, float(value))


@asynccontextmanager
async def answering(host: str, port: int, routes: dict[str, Route]) -> AsyncGenerator[int]:
    """Answer requests for the length of the block; gives the port.

    Raises OSError when the address is taken.
    """
    turns = asyncio.Semaphore(CONNECTIONS_MAX)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with turns, asyncio.timeout(REQUEST_S_MAX):
                writer.write(await _answer(reader, routes))
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # whoever asked has gone, dawdles, or speaks something else
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    server = await asyncio.start_server(serve, host, port, limit=HEADER_BYTES_MAX)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()


async def _answer(reader: asyncio.StreamReader, routes: dict[str, Route]) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    method, _, rest = head.decode("latin-1").partition(" ")
    route = routes.get(rest.partition(" ")[0].partition("?")[0])
    if method not in ("GET", "HEAD"):
        status, text = HTTPStatus.METHOD_NOT_ALLOWED, ""
    elif route is None:
        status, text = HTTPStatus.NOT_FOUND, ""
    else:
        status, text = route()
    body = text.encode()
    lines = (
        f"HTTP/1.1 {status.value} {status.phrase}",
        "Content-Type: text/plain; version=0.0.4; charset=utf-8",
        f"Content-Length: {len(body)}",
        "Connection: close",
    )
    written = "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"
    return written if method == "HEAD" else written + body
