"""Bounds of memory and connections over TCP, per client and for all together."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress

import dns.message
import dns.rcode
import pytest

from app.dns.messages.message import TCP_BYTES_MAX
from app.dns.serving.server import ServerOptions
from app.dns.serving.tcp import (
    MESSAGE_BYTES_MAX,
    READ_BYTES_MAX,
    Connections,
    Limits,
    Respond,
)
from app.domain.addresses import Address
from tests.dns.serving.test_server import end, read_message
from tests.dns.upstream.test_forwarder import ALIAS, forwarding, silence
from tests.waiting import until

HOST = "127.0.0.1"
WAIT_S = 10.0
HIGH_WATER_BYTES = 64 * 1024  # at which a connection reports that it is full
QUESTION = dns.message.make_query("www.example.com", "A").to_wire()


def framed(message: bytes) -> bytes:
    return len(message).to_bytes(2) + message


@asynccontextmanager
async def accepting(connections: Connections) -> AsyncGenerator[int]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(connections.accept, HOST, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        connections.close()
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0)


def echoing(message: bytes, _client: Address) -> bytes:
    return message


@pytest.mark.parametrize(("size", "is_taken"), [(4096, True), (4097, False), (65_535, False)])
async def test_a_question_is_no_longer_than_a_datagram(size: int, *, is_taken: bool) -> None:
    async with accepting(Connections(echoing)) as port:
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(framed(bytes(size)))
        taken = b""
        with suppress(ConnectionError):
            taken = await asyncio.wait_for(reader.read(2 + size), WAIT_S)
        assert bool(taken) is is_taken
        await end(writer)
    assert MESSAGE_BYTES_MAX == 4096


async def test_one_read_takes_no_more_than_the_bound() -> None:
    connections = Connections(echoing)
    protocol = connections.accept()
    assert len(protocol.get_buffer(2**20)) == READ_BYTES_MAX
    # All connections share one buffer: what is read immediately needs no memory of its own.
    other = connections.accept()
    assert protocol.get_buffer(-1) is other.get_buffer(-1)


async def test_connections_that_share_a_read_buffer_do_not_mix_octets() -> None:
    async with accepting(Connections(echoing)) as port:
        lines = [await asyncio.open_connection(HOST, port) for _ in range(5)]
        for half in (slice(0, 200), slice(200, None)):
            for number, (_, writer) in enumerate(lines):
                writer.write(framed(bytes((number,)) * 400)[half])
                await writer.drain()
            await asyncio.sleep(0)
        for number, (reader, writer) in enumerate(lines):
            reply = await asyncio.wait_for(reader.readexactly(402), WAIT_S)
            assert reply == framed(bytes((number,)) * 400)
            await end(writer)


def later(replies: int, released: asyncio.Event) -> Respond:
    """Answer with ``replies`` replies of the maximum size, all together."""

    def respond(_message: bytes, _client: Address) -> AsyncIterator[bytes]:
        async def answer() -> AsyncIterator[bytes]:
            await released.wait()
            for _ in range(replies):
                yield bytes(TCP_BYTES_MAX)

        return answer()

    return respond


async def test_unread_replies_are_bounded_and_the_connection_with_most_is_closed() -> None:
    released = asyncio.Event()
    connections = Connections(later(1, released), Limits(unread_bytes_max=20 * TCP_BYTES_MAX))
    lines, questions = list[Line](), (4, 60, 4)
    for count in questions:
        protocol = connections.accept()
        lines.append(Line(protocol))
        protocol.connection_made(lines[-1])
        ask(protocol, count)
    assert connections.waiting == sum(questions)
    released.set()
    await until(lambda: connections.shed > 0)
    await until(lambda: sum(line.written for line in lines) >= len(questions))
    assert [line.is_closing() for line in lines] == [False, True, False]
    assert connections.shed == 1
    # Of each open connection all replies wait but the one being written.
    await until(lambda: connections.unread_bytes == 6 * TCP_BYTES_MAX)
    for line in lines[::2]:
        for turn in range(4):
            await until(lambda line=line, turn=turn: line.written > turn)
            line.read()
    await until(lambda: not connections.waiting)
    assert connections.unread_bytes == 0
    for line in lines:
        line.end()


def ask(protocol: asyncio.BufferedProtocol, count: int) -> None:
    """Send ``count`` questions over a connection."""
    for _ in range(count):
        memoryview(protocol.get_buffer(-1))[: len(QUESTION) + 2] = framed(QUESTION)
        protocol.buffer_updated(len(QUESTION) + 2)


class Line(asyncio.Transport):
    """A transport that the test reads: it counts octets that were written and not read."""

    def __init__(self, protocol: asyncio.BufferedProtocol) -> None:
        super().__init__({"peername": (HOST, 1)})
        self._protocol = protocol
        self._is_closing = False
        self.unread_bytes = 0
        self.written = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.unread_bytes += len(data)
        self.written += 1
        if self.unread_bytes > HIGH_WATER_BYTES:
            self._protocol.pause_writing()

    def read(self) -> None:
        self.unread_bytes = 0
        self._protocol.resume_writing()

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def is_closing(self) -> bool:
        return self._is_closing

    def abort(self) -> None:
        self._is_closing = True
        asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)

    def end(self) -> None:
        self._protocol.connection_lost(None)


async def test_waiting_replies_are_not_all_written_at_once() -> None:
    released, count = asyncio.Event(), 60
    connections = Connections(later(1, released))
    protocol = connections.accept()
    line = Line(protocol)
    protocol.connection_made(line)
    ask(protocol, count)
    assert connections.waiting == count
    released.set()
    for turn in range(count):
        await until(lambda turn=turn: line.written > turn)
        assert line.unread_bytes <= HIGH_WATER_BYTES + TCP_BYTES_MAX
        line.read()
    await until(lambda: not connections.waiting)
    assert connections.unread_bytes == 0
    line.end()


@pytest.mark.parametrize("name", ["www.example.com", ALIAS])
async def test_questions_that_wait_for_upstreams_are_bounded(name: str) -> None:
    options = ServerOptions(tcp=Limits(waiting_max=3))
    async with forwarding(silence, options) as (server, _):
        reader, writer = await asyncio.open_connection(HOST, server.port)
        for number in range(5):
            writer.write(framed(dns.message.make_query(name, "A", id=number).to_wire()))
        for number in (3, 4):
            reply = await asyncio.wait_for(read_message(reader), WAIT_S)
            assert (reply.id, reply.rcode()) == (number, dns.rcode.SERVFAIL)
        await end(writer)
