"""Hostile servers in place of a registry, on real sockets of this machine.

octets to send, once or forever -> URL, and how many of them were read
"""

import asyncio
import contextlib
import gzip
import zlib
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Final

HOST = "127.0.0.1"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
SOCKET_OCTETS_MAX = 16 * 1024 * 1024  # unread in the socket buffers of both sides


@dataclass(frozen=True)
class Script:
    """What a server sends to every client: a beginning, then a repeated part."""

    first: bytes = b""
    again: bytes = b""
    pause_s: float = 0.0
    """Before each repetition."""


@dataclass
class Hostile:
    """A running server, and what it observed."""

    url: str = ""
    sent: int = 0
    requests: list[bytes] = field(default_factory=list[bytes])


@asynccontextmanager
async def hostile(script: Script) -> AsyncGenerator[Hostile, None]:
    """Serve a script to every client during the block."""
    running = Hostile()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.set_write_buffer_limits(high=0)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            try:
                running.requests.append(await reader.readuntil(b"\r\n\r\n"))
                for octets in said(script):
                    writer.write(octets)
                    await writer.drain()
                    running.sent += len(octets)
                    await asyncio.sleep(script.pause_s)
            finally:
                writer.close()

    server = await asyncio.start_server(serve, HOST, 0)
    async with server:
        running.url = f"http://{HOST}:{server.sockets[0].getsockname()[1]}"
        yield running
        server.close()


def said(script: Script) -> Iterable[bytes]:
    """Yield the pieces of a script."""
    yield script.first
    while script.again:
        yield script.again


def whole(body: bytes, *headers: str, status: str = "200 OK") -> Script:
    """Answer with a body, and close."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return Script("\r\n".join((*lines, "", "")).encode() + body)


@cache
def bomb(*, codings: int = 1) -> bytes:
    """Compress 64 MiB of zeros ``codings`` times."""
    packed = bytes(64 * 1024 * 1024)
    for _ in range(codings):
        packed = gzip.compress(packed, mtime=0)
    return packed


def gzipped(packed: bytes, coding: str = "gzip") -> Script:
    """Answer with compressed content."""
    return whole(packed, "Content-Type: application/json", f"Content-Encoding: {coding}")


ENDLESS_GZIP_BLOCK = gzip.compress(b"", mtime=0)[:10]
"""The header of gzip, which any content may follow."""


@cache
def endless_gzip() -> Script:
    """Answer with a gzip stream that never ends: a thousand zeros per octet."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = deflate.compress(bytes(16 * 1024 * 1024)) + deflate.flush(zlib.Z_FULL_FLUSH)
    head = OK + b"Content-Encoding: gzip\r\n\r\n" + ENDLESS_GZIP_BLOCK
    return Script(head, block)


NONSENSE: Final = {
    "a login page": whole(b"<html>log in</html>", "Content-Type: text/html"),
    "a redirect to one": whole(b"", "Location: https://login.example/", status="302 Found"),
    "another server's 404": whole(b"404 page not found", status="404 Not Found"),
    "a list": whole(b"[1, 2]"),
    "a text": whole(b'"hello"'),
    "no UTF-8": whole(b'{"a": "\xff"}'),
    "deep nesting": whole(b"[" * 100_000),
    "a bomb": gzipped(bomb()),
    "a bomb in a bomb": gzipped(bomb(codings=2), "gzip, gzip"),
    "gzip without end": endless_gzip(),
    "a body without end": Script(OK + b"\r\n", b"x" * 65_536),
    "no HTTP": Script(b"SSH-2.0-OpenSSH\r\n"),
}
"""Answers that are no document of a registry."""
