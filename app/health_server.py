"""A small HTTP server for health and metrics, in processes that serve no API.

    answering(host, port, path -> Route) -> a server during a block
    listen(host, port, path -> Answer)   -> a server until it is closed

One request per connection, of which only the first line is used: as much HTTP as probes and
scrapers need, while a framework takes more memory than ten thousand Services.  Each request
is answered within REQUEST_S_MAX or not at all.  Connections beyond a bound are closed
immediately: health checks are retried, and waiting would occupy descriptors.

Source: RFC 9112.
"""

import asyncio
import os
import socket
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

REQUEST_S_MAX: Final = 5.0  # from a connection to the last byte of its answer
HEADER_BYTES_MAX: Final = 8_192
CONNECTIONS_MAX: Final = 64  # open at once; more are closed
BACKLOG: Final = 64

JSON: Final = "application/json"
TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request."""

    status: HTTPStatus
    body: str = ""
    content_type: str = TEXT
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


Respond = Callable[[str], Answer]
"""Makes the answer for the path of a request."""
Route = Callable[[], Answer]


@dataclass(slots=True)
class Connections:
    """The number of open connections and its limit; several listeners may share it."""

    count_max: int = CONNECTIONS_MAX
    count: int = 0


async def listen(
    host: str,
    port: int,
    respond: Respond,
    connections: Connections,
    *,
    request_s_max: float = REQUEST_S_MAX,
) -> asyncio.Server:
    """Listen until the server is closed; raises OSError when the address cannot be bound.

    Host "" means all addresses of the families that the machine has.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if connections.count >= connections.count_max:
            writer.transport.abort()
            return
        connections.count += 1
        try:
            async with asyncio.timeout(request_s_max):
                writer.write(_responded(await reader.readuntil(b"\r\n\r\n"), respond))
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the client is gone, too slow, or does not speak HTTP
        finally:
            writer.transport.abort()
            connections.count -= 1

    return await asyncio.start_server(serve, sock=_listening(host, port), limit=HEADER_BYTES_MAX)


@asynccontextmanager
async def answering(
    host: str,
    port: int,
    routes: Mapping[str, Route],
    *,
    request_s_max: float = REQUEST_S_MAX,
) -> AsyncGenerator[int]:
    """Answer requests by their path during the block; yields the port.

    Raises OSError with the address in its message when it is in use.
    """

    def respond(path: str) -> Answer:
        route = routes.get(path)
        return Answer(HTTPStatus.NOT_FOUND) if route is None else route()

    try:
        server = await listen(host, port, respond, Connections(), request_s_max=request_s_max)
    except OSError as error:
        where = f"{host} port {port}"
        reason = os.strerror(error.errno) if error.errno else str(error)
        problem = f"the server of metrics and health cannot listen on {where}: {reason}"
        raise OSError(problem) from error
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()


def _listening(host: str, port: int) -> socket.socket:
    if host:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    is_dual = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if is_dual else socket.AF_INET
    return socket.create_server(("", port), family=family, backlog=BACKLOG, dualstack_ipv6=is_dual)


def _responded(head: bytes, respond: Respond) -> bytes:
    method, _, rest = head.decode("latin-1").partition(" ")
    if method in ("GET", "HEAD"):
        answer = respond(rest.partition(" ")[0].partition("?")[0])
    else:
        answer = Answer(HTTPStatus.METHOD_NOT_ALLOWED)
    body = answer.body.encode()
    headers = {
        "Content-Type": answer.content_type,
        **answer.headers,
        "Content-Length": str(len(body)),
        "Connection": "close",
    }
    lines = [f"HTTP/1.1 {answer.status.value} {answer.status.phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    written = "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"
    return written if method == "HEAD" else written + body
