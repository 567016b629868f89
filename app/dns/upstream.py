"""Asking other servers: one question out, the answer to it back, or the reason why not.

    ForeignQuery -> [server, UDP, TCP when cut, the next server] -> ForeignReply

Each question leaves from a socket of its own, so the port is the kernel's
random choice, with a random id; only the asked address can answer, and only
with our id and question.  What does not match is counted and ignored.

Source: RFC 5452; RFC 7766 section 5; spec dns A12.
"""

import asyncio
import secrets
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from app.dns.foreign import ForeignQuery, ForeignReply, parse_reply
from app.dns.messages import UDP_BYTES_ADVERTISED, Rcode
from app.domain.addresses import Address, parse_address

ATTEMPT_S = 2.0  # that one server has for one answer
ROUNDS_MAX = 2  # times each server is asked
SERVERS_MAX = 15
PENDING_MAX = 256  # questions under way; each has a socket
RESTED_S = 10.0  # after a failure, until a server is no longer asked last
PORT_DEFAULT = 53
_ID_BITS = 16
_DATAGRAM_BYTES_MAX = 65_535
_PREFIX_BYTES = 2

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Server:
    """Where a server listens."""

    address: Address
    port: int = PORT_DEFAULT

    def __str__(self) -> str:
        host = f"[{self.address}]" if self.address.version == 6 else str(self.address)  # noqa: PLR2004
        return f"{host}:{self.port}"


class Unanswered(Exception):
    """No server gave an answer in its time."""


class Overloaded(Exception):
    """As many questions are under way as are allowed."""


@dataclass
class UpstreamCounts:
    """What the metrics show of the exchange with others."""

    requests: int = 0
    failures: int = 0
    mismatches: int = 0
    rejected: int = 0
    over_tcp: int = 0


class Upstream:
    """The servers asked for what is not ours, the healthy ones first."""

    def __init__(self, servers: Iterable[Server], *, pending_max: int = PENDING_MAX) -> None:
        self.servers = tuple(servers)[:SERVERS_MAX]
        self.counts = UpstreamCounts()
        self._failed_at: dict[Server, float] = {}
        self._pending_max = pending_max
        self._pending = 0

    async def ask(self, query: ForeignQuery) -> ForeignReply:
        """Get an answer from whichever server gives one.

        Raises Unanswered when none does, Overloaded when too much is under way.
        """
        if self._pending >= self._pending_max:
            self.counts.rejected += 1
            raise Overloaded
        self._pending += 1
        try:
            return await self._ask_in_turn(query)
        finally:
            self._pending -= 1

    async def _ask_in_turn(self, query: ForeignQuery) -> ForeignReply:
        last: ForeignReply | None = None
        for server in self._in_order() * ROUNDS_MAX:
            reply = await self._ask_one(server, query)
            if reply is not None and reply.rcode in (Rcode.NOERROR, Rcode.NXDOMAIN):
                return reply
            last = reply or last
        if last is None:
            raise Unanswered
        return last

    def _in_order(self) -> tuple[Server, ...]:
        now = asyncio.get_running_loop().time()

        def fails(server: Server) -> bool:
            return now - self._failed_at.get(server, -RESTED_S) < RESTED_S

        return tuple(sorted(self.servers, key=fails))

    async def _ask_one(self, server: Server, query: ForeignQuery) -> ForeignReply | None:
        message = query.encode(secrets.randbits(_ID_BITS), UDP_BYTES_ADVERTISED)
        self.counts.requests += 1
        try:
            async with asyncio.timeout(ATTEMPT_S):
                reply = await exchange_udp(server, message, self._read)
                if reply.is_truncated:
                    self.counts.over_tcp += 1
                    reply = await _exchange_tcp(server, message)
        except (OSError, EOFError, TimeoutError):
            reply = None
        if reply is None or reply.rcode == Rcode.SERVFAIL:
            self.counts.failures += 1
            self._failed_at[server] = asyncio.get_running_loop().time()
        else:
            self._failed_at.pop(server, None)
        return reply

    def _read(self, octets: bytes, message: bytes) -> ForeignReply | None:
        reply = parse_reply(octets, message)
        self.counts.mismatches += reply is None
        return reply


async def exchange_udp(
    server: Server, message: bytes, read: Callable[[bytes, bytes], R | None]
) -> R:
    """Send a message and wait, without end, for what ``read`` takes for its answer."""
    loop = asyncio.get_running_loop()
    family = socket.AF_INET if server.address.version == 4 else socket.AF_INET6  # noqa: PLR2004
    with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as line:
        line.connect((str(server.address), server.port))
        await loop.sock_sendall(line, message)
        while True:
            reply = read(await loop.sock_recv(line, _DATAGRAM_BYTES_MAX), message)
            if reply is not None:
                return reply


async def _exchange_tcp(server: Server, message: bytes) -> ForeignReply | None:
    reader, writer = await asyncio.open_connection(str(server.address), server.port)
    try:
        writer.write(len(message).to_bytes(_PREFIX_BYTES) + message)
        size = int.from_bytes(await reader.readexactly(_PREFIX_BYTES))
        return parse_reply(await reader.readexactly(size), message)
    finally:
        writer.close()


def parse_server(text: str) -> Server | None:
    """Read ``192.0.2.1``, ``192.0.2.1:53``, ``2001:db8::1`` or ``[2001:db8::1]:53``."""
    if (address := parse_address(text.removeprefix("[").removesuffix("]"))) is not None:
        return Server(address)
    host, _, port = text.rpartition(":")
    address = parse_address(host.removeprefix("[").removesuffix("]"))
    if address is None or not (port.isascii() and port.isdecimal()):
        return None
    return Server(address, int(port)) if 0 < int(port) < 1 << 16 else None


def servers_of(source: Iterable[str], *, port: int = PORT_DEFAULT) -> tuple[Server, ...]:
    """List the servers an operator names; an absolute path is a resolv.conf to take them from."""
    found: dict[Server, None] = {}
    for text in source:
        if text.startswith("/"):
            lines = Path(text).read_text(encoding="utf-8", errors="replace").splitlines()
            words = [line.split() for line in lines]
            named = [
                parse_address(word[1]) for word in words if word[:1] == ["nameserver"] and word[1:]
            ]
            found.update({Server(address, port): None for address in named if address is not None})
        elif (server := parse_server(text)) is not None:
            found[server] = None
        else:
            raise ValueError(f"{text!r} is no address of a DNS server")
    return tuple(found)
