"""Listens in between: every question on its way to a DNS server, in the order in which it came.

    program -> sockets of ours -> Relay -> the server's port, and back

The sockets may belong to another network namespace than the server.
"""

import asyncio
import select
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import dns.message
import dns.rcode
import dns.rdatatype

SERVER_HOST = "127.0.0.1"
LENGTH_BYTES = 2  # before every message of a stream
REPLY_S_MAX = 10.0

Address = tuple[str, int]


@dataclass(slots=True)
class Seen:
    """A question, and what it was answered with."""

    name: str
    type: str
    transport: str
    rcode: str = ""
    answers: int = 0

    def heard(self, message: bytes) -> None:
        """Note the reply."""
        reply = dns.message.from_wire(message, ignore_trailing=True)
        self.rcode = dns.rcode.to_text(reply.rcode())
        self.answers = sum(len(rrset) for rrset in reply.answer)


class Relay(asyncio.DatagramProtocol):
    """Passes messages on and remembers the questions in them."""

    transport: asyncio.DatagramTransport

    def __init__(self, port: int) -> None:
        self._port = port
        self._seen: list[Seen] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def taken(self) -> list[Seen]:
        """Give what was seen since the last time, what waits in the socket included."""
        waiting = self.transport.get_extra_info("socket")
        while select.select([waiting], [], [], 0)[0]:  # noqa: ASYNC110  one datagram a turn
            await asyncio.sleep(0)
        while self._tasks:
            await asyncio.gather(*self._tasks)
        seen, self._seen = self._seen, []
        return seen

    def datagram_received(self, data: bytes, addr: Address) -> None:
        task = asyncio.create_task(self._pass_on(data, self._note(data, "udp"), addr))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on what comes over one connection, message by message."""
        to_server, to_us = await asyncio.open_connection(SERVER_HOST, self._port)
        try:
            while True:
                question = await _framed(reader)
                seen = self._note(question, "tcp")
                to_us.write(len(question).to_bytes(LENGTH_BYTES) + question)
                reply = await _framed(to_server)
                seen.heard(reply)
                writer.write(len(reply).to_bytes(LENGTH_BYTES) + reply)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # one of the two has ended, which ends the other
        finally:  # also when the relay is closed meanwhile
            for each in (to_us, writer):
                each.close()

    def _note(self, message: bytes, transport: str) -> Seen:
        (question,) = dns.message.from_wire(message).question
        type_ = dns.rdatatype.to_text(question.rdtype)
        seen = Seen(question.name.to_text(), type_, transport)
        self._seen.append(seen)
        return seen

    async def _pass_on(self, message: bytes, seen: Seen, client: Address) -> None:
        reply = await _asked(message, self._port)
        seen.heard(reply)
        self.transport.sendto(reply, client)


@asynccontextmanager
async def relaying(
    udp: socket.socket, tcp: socket.socket, port: int
) -> AsyncGenerator[Relay, None]:
    """Pass on what comes to two sockets to the server at ``port``, until the block ends."""
    relay = Relay(port)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: relay, sock=udp)
    relay.transport = transport
    listener = await asyncio.start_server(relay.stream, sock=tcp)
    try:
        yield relay
    finally:
        listener.close()
        transport.close()
        await asyncio.sleep(0)


async def _framed(reader: asyncio.StreamReader) -> bytes:
    length = int.from_bytes(await reader.readexactly(LENGTH_BYTES))
    return await reader.readexactly(length)


class _Reply(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.message: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: Address) -> None:
        if not self.message.done():
            self.message.set_result(data)


async def _asked(message: bytes, port: int) -> bytes:
    loop = asyncio.get_running_loop()
    transport, reply = await loop.create_datagram_endpoint(_Reply, remote_addr=(SERVER_HOST, port))
    transport.sendto(message)
    try:
        async with asyncio.timeout(REPLY_S_MAX):
            return await reply.message
    finally:
        transport.close()
