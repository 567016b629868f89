"""An application behind the real HTTP server, and clients that send it octets."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Self

from starlette.types import Receive, Scope, Send

from app.api.http.kept_answers import KeptAnswers
from app.api.transport.connection import CONNECTIONS_MAX, HEAD_S_MAX
from app.api.transport.handshakes import HANDSHAKE_S_MAX, HANDSHAKES_MAX
from app.api.transport.server import HTTPServer, listen
from app.api.transport.tls import TLS

App = Callable[[Scope, Receive, Send], Awaitable[None]]


@asynccontextmanager
async def serving(  # noqa: PLR0913  each is a choice of some test
    app: App,
    *,
    connections_max: int = CONNECTIONS_MAX,
    tls: TLS | None = None,
    handshake_s_max: float = HANDSHAKE_S_MAX,
    handshakes_max: int = HANDSHAKES_MAX,
    head_s_max: float = HEAD_S_MAX,
    kept: KeptAnswers | None = None,
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
            head_s_max=head_s_max,
            kept=kept,
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


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: its status, its header fields but the date, and its octets."""

    status: int
    fields: tuple[tuple[str, str], ...]
    body: bytes

    def field(self, name: str) -> str:
        """Give the value of a header field; empty without it."""
        return dict(self.fields).get(name, "")


class Client:
    """A client that keeps one connection, and opens another when the server has closed it."""

    def __init__(self, port: int, context: ssl.SSLContext | None = None) -> None:
        self._port, self._context = port, context
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def ask(self, octets: bytes) -> Answer:
        """Send a request, and read its answer."""
        await self.send(octets)
        return await self.read(is_head=octets.startswith(b"HEAD "))

    async def send(self, octets: bytes) -> None:
        """Send octets, on a new connection if there is none."""
        if self._streams is None:
            name = None if self._context is None else "localhost"
            self._streams = await asyncio.open_connection(
                "127.0.0.1", self._port, ssl=self._context, server_hostname=name
            )
        self._streams[1].write(octets)

    async def read(self, *, is_head: bool = False) -> Answer:
        """Read the next answer."""
        assert self._streams is not None, "something was sent"
        reader = self._streams[0]
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
        pairs = [line.split(": ", 1) for line in lines[1:]]
        fields = tuple((name.lower(), text) for name, text in pairs if name.lower() != "date")
        answer = Answer(int(lines[0].split()[1]), fields, b"")
        if not is_head and answer.status not in (204, 304):
            answer = replace(answer, body=await _body_of(reader, answer))
        if answer.field("connection") == "close":
            self.close()
        return answer


async def _body_of(reader: asyncio.StreamReader, answer: Answer) -> bytes:
    if answer.field("transfer-encoding") != "chunked":
        return await reader.readexactly(int(answer.field("content-length")))
    body = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readexactly(2)
    return body


def status_of(answer: bytes) -> int:
    """Give the status of the first answer among octets."""
    assert answer.startswith(b"HTTP/1.1 "), answer
    return int(answer[9:12])
