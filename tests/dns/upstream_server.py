"""A fake upstream server over UDP and TCP, with answers chosen by the test."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address

import dns.message

from app.dns.serving.sockets import bind
from app.dns.upstream.server_list import Server

TCP = "tcp"
UDP = "udp"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as received."""

    transport: str
    has_opt: bool
    message: dns.message.Message


Answer = Callable[[Asked], bytes | None]
"""Makes the answer; None is no answer, and over TCP the end of the connection."""


@dataclass(slots=True)
class UpstreamServer:
    """A running upstream server."""

    server: Server
    answer: Answer
    asked: list[Asked] = field(default_factory=list[Asked])

    @property
    def opts(self) -> list[bool]:
        """Whether each question so far had an OPT record."""
        return [asked.has_opt for asked in self.asked]

    def respond(self, octets: bytes, transport: str) -> bytes | None:
        """Record a question and answer it."""
        message = dns.message.from_wire(octets)
        asked = Asked(transport, message.edns >= 0, message)
        self.asked.append(asked)
        return self.answer(asked)


@asynccontextmanager
async def upstream_server(
    answer: Answer, host: str = "127.0.0.1"
) -> AsyncGenerator[UpstreamServer, None]:
    """Run a server on a free port during the block."""
    bare, _, zone = host.partition("%")
    if zone:
        udp, tcp = _bound_to_zone(bare, zone)
    else:
        bound = bind(host, 0)
        udp, tcp = bound.udp, bound.tcp
    running = UpstreamServer(Server(ip_address(host), udp.getsockname()[1]), answer)

    class Datagrams(asyncio.DatagramProtocol):
        transport: asyncio.DatagramTransport

        def connection_made(self, transport: asyncio.DatagramTransport) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            if (reply := running.respond(data, UDP)) is not None:
                self.transport.sendto(reply, addr)

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = int.from_bytes(await reader.readexactly(2))
        if (reply := running.respond(await reader.readexactly(size), TCP)) is not None:
            writer.write(len(reply).to_bytes(2) + reply)
        writer.close()

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Datagrams, sock=udp)
    streams = await asyncio.start_server(converse, sock=tcp)
    try:
        yield running
    finally:
        transport.close()
        streams.close()
        await streams.wait_closed()
        await asyncio.sleep(0)


def _bound_to_zone(address: str, zone: str) -> tuple[socket.socket, socket.socket]:
    number = socket.if_nametoindex(zone)
    udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    udp.bind((address, 0, 0, number))
    tcp = socket.socket(socket.AF_INET6, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    tcp.bind((address, udp.getsockname()[1], 0, number))
    return udp, tcp
