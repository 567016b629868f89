"""A network that can be taken away: connections pass, stall without a word, or are cut."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

_PIECE_BYTES = 65_536


class Proxy:
    """Passes TCP connections on to one port of this machine."""

    def __init__(self, target_port: int) -> None:
        self.port = 0
        self._target_port = target_port
        self._passes = asyncio.Event()
        self._passes.set()
        self._writers: set[asyncio.StreamWriter] = set()

    def stall(self) -> None:
        """Let nothing through any more, and tell nobody: new connections are taken, and wait."""
        self._passes.clear()

    def heal(self) -> None:
        """Let everything through again, what had been waiting first."""
        self._passes.set()

    def cut(self) -> None:
        """Break every connection."""
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Connect one client."""
        self._writers.add(writer)
        with suppress(OSError):
            await self._passes.wait()
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
            self._writers.add(far_writer)
            await asyncio.gather(self._pass(reader, far_writer), self._pass(far_reader, writer))
            self._writers.discard(far_writer)
        self._writers.discard(writer)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await reader.read(_PIECE_BYTES):
                await self._passes.wait()
                writer.write(piece)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def a_proxy(target_port: int) -> AsyncGenerator[Proxy, None]:
    """Run a proxy for the length of a block."""
    proxy = Proxy(target_port)
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.heal()
        proxy.cut()
        await asyncio.sleep(0)
