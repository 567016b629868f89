"""Writes at a steady pace over a few connections, each with the moments that it went and came.

    [request as octets], so many a second -> revision of each, sent at, answered at

Moments are of the monotonic clock, which all processes of a machine share.
"""

import asyncio
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic

CONNECTIONS = 16
LENGTH = re.compile(rb"(?i)content-length: (\d+)")
OK = re.compile(rb"HTTP/1.1 2\d\d")
Revisions = re.Pattern[bytes]
WAYPOST_REVISION = re.compile(rb'"resourceVersion":"(\d+)"')
ETCD_REVISION = re.compile(rb'"revision":"(\d+)"')


@dataclass(frozen=True, slots=True)
class Written:
    """One write."""

    place: int
    revision: int
    sent_s: float
    answered_s: float


class Connection:
    """One connection that sends a request and reads all of its answer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def ask(self, request: bytes) -> bytes:
        """Give the body of an answer, which must be a success."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = LENGTH.search(head)
        assert OK.match(head), head
        assert length is not None, head
        return await self._reader.readexactly(int(length[1]))

    async def close(self) -> None:
        """Close it."""
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()


async def connect(port: int) -> Connection:
    """Open a connection."""
    return Connection(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 26))


async def write_paced(
    port: int,
    requests: Iterable[bytes],
    *,
    a_second: float,
    revision_of: Revisions,
    sent: Callable[[int, float], None] = lambda _place, _at: None,
) -> list[Written]:
    """Send each request when it is due, whatever has become of those before it."""
    idle: asyncio.Queue[Connection] = asyncio.Queue()
    every = [await connect(port) for _ in range(CONNECTIONS)]
    for connection in every:
        idle.put_nowait(connection)

    async def write(place: int, request: bytes) -> Written:
        connection = await idle.get()
        sent_s = monotonic()
        sent(place, sent_s)
        body = await connection.ask(request)
        answered_s = monotonic()
        idle.put_nowait(connection)
        found = revision_of.search(body)
        assert found is not None, body
        return Written(place, int(found[1]), sent_s, answered_s)

    begun_s, tasks = monotonic(), list[asyncio.Task[Written]]()
    for place, request in enumerate(requests):
        await asyncio.sleep(max(0.0, begun_s + place / a_second - monotonic()))
        tasks.append(asyncio.create_task(write(place, request)))
    written = list(await asyncio.gather(*tasks))
    for connection in every:
        await connection.close()
    return written
