"""An application behind the real HTTP server, and clients that send it octets."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from starlette.types import Receive, Scope, Send

from app.api.transport.connection import CONNECTIONS_MAX
from app.api.transport.handshakes import HANDSHAKE_S_MAX, HANDSHAKES_MAX
from app.api.transport.server import HTTPServer, listen
from app.api.transport.tls import TLS

App = Callable[[Scope, Receive, Send], Awaitable[None]]


@asynccontextmanager
async def serving(
    app: App,
    *,
    connections_max: int = CONNECTIONS_MAX,
    tls: TLS | None = None,
    handshake_s_max: float = HANDSHAKE_S_MAX,
    handshakes_max: int = HANDSHAKES_MAX,
) -> AsyncGenerator[int, None]:
    """Serve until the block ends; gives the port."""
    ready = asyncio.Event()
    with listen("127.0.0.1", 0) as listener:
        server = HTTPServer(
            app,
            started=ready.set,
            stopping=lambda: None,
            connections_max=connections_max,
            tls=tls,
            handshake_s_max=handshake_s_max,
            handshakes_max=handshakes_max,
        )
        running = asyncio.create_task(server.serve([listener]))
        try:
            await ready.wait()
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await running


async def said(port: int, octets: bytes) -> bytes:
    """Send octets, and read until the server closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(octets)
        return await reader.read()
    finally:
        writer.close()


def status_of(answer: bytes) -> int:
    """Give the status of the first answer among octets."""
    assert answer.startswith(b"HTTP/1.1 "), answer
    return int(answer[9:12])
