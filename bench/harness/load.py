"""Load on a server: wrk with prepared requests, on the load's core.

    [request as octets] -> wrk, so many connections, one thread -> requests a second, latency

wrk sends more than any server here answers; when it does not, `is_full` says that wrk itself was
what ran out of processor time.
"""

import asyncio
import json
import os
import resource
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.harness.machine import program

SCRIPT = Path(__file__).parent / "load.lua"
CONNECTIONS = 32
TIMEOUT = "10s"  # of one answer
FULL = 0.9  # of a core
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Load:
    """What came of some seconds of load."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    lost: int
    is_full: bool

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.requests / self.seconds


class Refused(Exception):
    """A server did not answer with what was asked for."""


def request(
    method: str,
    path: str,
    body: Mapping[str, object] | None = None,
    *,
    content_type: str = JSON,
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """Write a request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    content = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
    if body is not None:
        lines += [f"Content-Type: {content_type}", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode() + content


async def load(
    port: int,
    requests: Iterable[bytes],
    *,
    seconds: float,
    connections: int = CONNECTIONS,
    once: bool = False,
) -> Load:
    """Send requests in turn for some seconds, or each of them once if that is over sooner.

    Raises Refused when a status is 400 or above.
    """
    with tempfile.NamedTemporaryFile() as file:
        for each in requests:
            file.write(b"%d\n%b" % (len(each), each))
        file.flush()
        before_s = _children_s()
        told = await _wrk(port, Path(file.name), seconds, connections, once=once)
        cpu_s = _children_s() - before_s
    duration_s = told["duration_us"] / 1e6
    if told["refused"]:
        raise Refused(f"{told['refused']:.0f} of {told['requests']:.0f} requests were refused")
    return Load(
        requests=int(told["requests"]),
        seconds=duration_s,
        p50_ms=told["p50_us"] / 1e3,
        p99_ms=told["p99_us"] / 1e3,
        lost=int(told["lost"]),
        is_full=cpu_s > FULL * duration_s,
    )


async def _wrk(
    port: int, file: Path, seconds: float, connections: int, *, once: bool
) -> dict[str, float]:
    wrk = program("wrk")
    assert wrk is not None, "whoever asks has looked whether wrk is there"
    words = ["-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", TIMEOUT]
    process = await asyncio.create_subprocess_exec(
        *(wrk, *words, "-s", str(SCRIPT), f"http://127.0.0.1:{port}"),
        env={**os.environ, "REQUESTS": str(file), "ONCE": "1" if once else "0"},
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    told: dict[str, float] = json.loads(output.splitlines()[-1])
    return told


def _children_s() -> float:
    """Give the processor time of all children that have ended."""
    taken = resource.getrusage(resource.RUSAGE_CHILDREN)
    return taken.ru_utime + taken.ru_stime
