"""What a replica says of itself over HTTP: whether it can answer, and what it counts.

    GET /livez            -> 200
    GET /readyz, /healthz -> 200, or 503 with what is wrong
    GET /metrics          -> Prometheus' text

The bodies are those of the API, the protocol is as much as probes and scrapers
use: one request a connection, of which the first line counts.  A framework
would take more memory than ten thousand Services.

Source: contract.md, "Routes"; RFC 9112.
"""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from app.domain.errors import CauseReason, NotSynced, Violation
from app.schemas.status import status_of

REQUEST_S_MAX = 5.0  # from a connection to the last byte of its answer
HEADER_BYTES_MAX = 8_192
CONNECTIONS_MAX = 64  # answered at once; more wait
WAITING_MAX = 256  # that wait; more are closed at once
BACKLOG = 64

_JSON = "application/json"
_CHECK = "state"


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether names can be answered, and in words how well or what is wrong."""

    is_ready: bool
    words: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a path answers."""

    status: HTTPStatus
    body: bytes
    content_type: str = _JSON


Routes = Mapping[str, Callable[[], Answer]]


def routes(standing: Callable[[], Standing], metrics: CollectorRegistry) -> Routes:
    """Say what each path answers."""
    return {
        "/livez": lambda: Answer(HTTPStatus.OK, _healthy([])),
        "/readyz": lambda: _readiness(standing()),
        "/healthz": lambda: _readiness(standing()),
        "/metrics": lambda: Answer(HTTPStatus.OK, generate_latest(metrics), CONTENT_TYPE_LATEST),
    }


@asynccontextmanager
async def answering(
    host: str, port: int, paths: Routes, *, open_max: int = CONNECTIONS_MAX + WAITING_MAX
) -> AsyncGenerator[int, None]:
    """Answer requests for the length of the block; gives the port.

    Raises OSError when the address is taken.
    """
    turns = asyncio.Semaphore(CONNECTIONS_MAX)
    connected: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(connected) >= open_max:
            writer.close()
            return
        connected.add(writer)
        try:
            async with turns, asyncio.timeout(REQUEST_S_MAX):
                writer.write(_respond(await reader.readuntil(b"\r\n\r\n"), paths))
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the client has gone, dawdles, or speaks something else
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            connected.discard(writer)

    listener = _listen(host, port)
    server = await asyncio.start_server(serve, sock=listener, limit=HEADER_BYTES_MAX)
    try:
        yield int(listener.getsockname()[1])
    finally:
        server.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        where = f"{host} port {port}"
        raise OSError(f"the DNS' health cannot listen on {where}: {error.strerror}") from error


def _readiness(found: Standing) -> Answer:
    if found.is_ready:
        check: dict[str, object] = {"name": _CHECK, "ok": True, "message": found.words}
        return Answer(HTTPStatus.OK, _healthy([check]))
    cause = Violation(CauseReason.INVALID, _CHECK, found.words)
    refusal = NotSynced(f"not ready: {_CHECK}: {found.words}", causes=[cause])
    status = HTTPStatus.SERVICE_UNAVAILABLE
    return Answer(status, json.dumps(status_of(refusal, status)).encode())


def _healthy(checks: list[dict[str, object]]) -> bytes:
    return json.dumps({"status": "ok", "checks": checks}).encode()


def _respond(head: bytes, paths: Routes) -> bytes:
    method, _, rest = head.decode("latin-1").partition(" ")
    route = paths.get(rest.partition(" ")[0].partition("?")[0])
    if method not in ("GET", "HEAD"):
        answer = Answer(HTTPStatus.METHOD_NOT_ALLOWED, b"")
    elif route is None:
        answer = Answer(HTTPStatus.NOT_FOUND, b"")
    else:
        answer = route()
    lines = (
        f"HTTP/1.1 {answer.status.value} {answer.status.phrase}",
        f"Content-Type: {answer.content_type}",
        f"Content-Length: {len(answer.body)}",
        "Connection: close",
    )
    written = "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"
    return written if method == "HEAD" else written + answer.body
