"""Handshakes of TLS that never end, over real sockets, on both event loops."""

import asyncio
import errno
import socket
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, cast

import pytest
import uvloop

from app.api.transport.handshakes import HANDSHAKE_S_MAX, Handshakes
from app.api.transport.server import HTTPServer, listen
from app.api.transport.tls import TLS
from tests.api.sockets import serving, status_of
from tests.api.transport.test_tls import NOW, Seen, asked, files, trusting
from tests.waiting import WITHIN_S, until

LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]
CLIENT_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"  # its beginning
on_both_loops = pytest.mark.parametrize("loop", LOOPS, ids=["asyncio", "uvloop"])


def run(loop: Callable[[], asyncio.AbstractEventLoop], case: Callable[[], Awaitable[None]]) -> None:
    async def timed() -> None:
        async with asyncio.timeout(WITHIN_S):
            await case()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(timed())


@asynccontextmanager
async def silent(port: int, octets: bytes = b"") -> AsyncGenerator[asyncio.StreamReader]:
    """Connect, and say little or nothing."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(octets)
    try:
        yield reader
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def is_closed(reader: asyncio.StreamReader) -> bool:
    """Wait until the server ends the connection, after an alert or without one."""
    try:
        await reader.read()
    except ConnectionError:
        return True
    return reader.at_eof()


def test_it_may_take_far_less_than_what_asyncio_allows() -> None:
    assert HANDSHAKE_S_MAX <= 10


@on_both_loops
@pytest.mark.parametrize("octets", [b"", b"\x16", CLIENT_HELLO], ids=["nothing", "one", "some"])
def test_a_client_that_does_not_go_on_is_disconnected(
    tmp_path: Path, loop: Callable[[], asyncio.AbstractEventLoop], octets: bytes
) -> None:
    async def case() -> None:
        tls, app = TLS(files(tmp_path), now=NOW), Seen()
        async with (
            serving(app, tls=tls, handshake_s_max=0.05) as port,
            silent(port, octets) as reader,
        ):
            assert await is_closed(reader)
        assert app.requests == []

    run(loop, case)


@on_both_loops
def test_of_too_many_the_oldest_makes_room(
    tmp_path: Path, loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def case() -> None:
        tls = TLS(files(tmp_path), now=NOW)
        async with (
            serving(Seen(), tls=tls, handshakes_max=3, handshake_s_max=60) as port,
            silent(port) as first,
            silent(port) as second,
            silent(port) as third,
            silent(port),
        ):
            assert await is_closed(first)
            for _ in range(5):
                assert status_of(await asked(port, trusting())) == 200, "who goes on is served"
            assert await is_closed(second), "it made room, for one after the other"
            assert not third.at_eof()

    run(loop, case)


@on_both_loops
def test_a_request_that_comes_with_the_end_of_the_handshake_is_answered(
    tmp_path: Path, loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def case() -> None:
        received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = trusting().wrap_bio(received, sent, server_hostname="localhost")
        async with serving(Seen(), tls=TLS(files(tmp_path), now=NOW)) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            while not is_shaken(client):
                writer.write(sent.read())
                received.write(await reader.read(65_536))
            client.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            writer.write(sent.read())  # Finished and the request, in one segment
            received.write(await reader.read())
            assert status_of(client.read(65_536)) == 200
            writer.close()

    run(loop, case)


def is_shaken(client: ssl.SSLObject) -> bool:
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


@on_both_loops
def test_a_server_that_stops_waits_for_no_handshake(
    tmp_path: Path, loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def case() -> None:
        ready, tls = asyncio.Event(), TLS(files(tmp_path), now=NOW)
        with listen("127.0.0.1", 0) as listener:
            server = HTTPServer(Seen(), started=ready.set, stopping=lambda: None, tls=tls)
            running = asyncio.create_task(server.serve([listener]))
            await ready.wait()
            async with silent(listener.getsockname()[1]) as reader:
                (handshakes,) = server.handshakes
                await until(lambda: len(handshakes) == 1)
                server.should_exit = True
                await running
                assert await is_closed(reader)
            assert len(handshakes) == 0

    run(loop, case)


class Crowded(socket.socket):
    """A listener that at first finds no descriptor for a connection."""

    refusals = 1

    def accept(self) -> tuple[socket.socket, Any]:
        if self.refusals:
            self.refusals -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


class Greeting(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).write(b"hello")
        transport.close()


@on_both_loops
def test_a_system_without_room_for_a_connection_is_asked_again(
    tmp_path: Path,
    loop: Callable[[], asyncio.AbstractEventLoop],
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def case() -> None:
        tls = TLS(files(tmp_path), now=NOW)
        with Crowded(fileno=listen("127.0.0.1", 0).detach()) as listener:
            handshakes = Handshakes(listener, Greeting, context=tls.context)
            assert await asked(listener.getsockname()[1], trusting()) == b"hello"
            await handshakes.stop()

    run(loop, case)
    assert [each for each in caplog.messages if "not accepted for a moment" in each]
