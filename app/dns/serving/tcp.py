"""DNS over TCP: length-prefixed messages, many to a connection, answered as they are ready.

    stream octets -> messages -> replies, in whatever order they come

Every client is bounded: in time (a message begun must end, an idle line is
closed, replies must be read), in the size of its questions, and in what it may
have in flight.  When too many are connected, the one silent the longest has to go;
when too much is left unread, the one that leaves the most.

Source: RFC 7766; spec dns A13.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from ipaddress import IPv6Address, ip_address
from typing import cast

from app.domain.addresses import Address

IDLE_S = 10.0  # without a message
MESSAGE_S = 3.0  # from the first octet of a message to its last
WRITE_S = 5.0  # that a client may leave replies unread
PENDING_MAX = 64  # questions of one connection that wait for somebody else's answer
CONNECTIONS_MAX = 512
WAITING_MAX = 1_024  # questions of all connections that wait for somebody else's answer
UNREAD_BYTES_MAX = 16 * 1024 * 1024  # of replies of all connections that wait for their line
READ_BYTES_MAX = 16_384  # taken off a line at once
MESSAGE_BYTES_MAX = 4_096  # of a question; as long as a datagram may be
_WATCH_S = 0.5  # how late a deadline may be noticed
_PREFIX_BYTES = 2

Respond = Callable[[bytes, Address], bytes | AsyncIterator[bytes] | None]
"""What becomes of a message: a reply, replies that take their time, or silence."""


class Connections:
    """The open connections of a server, the longest silent first."""

    def __init__(
        self,
        respond: Respond,
        *,
        connections_max: int = CONNECTIONS_MAX,
        waiting_max: int = WAITING_MAX,
        unread_bytes_max: int = UNREAD_BYTES_MAX,
    ) -> None:
        self.respond = respond
        self.shed = 0
        """Connections closed to make room."""
        self.waiting = 0
        """Questions whose answers take their time."""
        self.unread_bytes = 0
        """Of replies that are there and that their client does not read."""
        self.scratch = bytearray(READ_BYTES_MAX)
        """Where octets arrive, of one line after the other."""
        self.waiting_max = waiting_max
        """How many may take their time before the next is answered with a failure."""
        self._connections_max = connections_max
        self._unread_bytes_max = unread_bytes_max
        self._open: dict[_Connection, None] = {}

    def __len__(self) -> int:
        return len(self._open)

    def accept(self) -> "_Connection":
        """Make the protocol of a connection that has been accepted."""
        return _Connection(self)

    def enter(self, connection: "_Connection") -> None:
        """Count a connection in, or move it behind those silent for longer."""
        self._open.pop(connection, None)
        if len(self._open) >= self._connections_max:
            self.shed += 1
            next(iter(self._open)).abort()
        self._open[connection] = None

    def leave(self, connection: "_Connection") -> None:
        """Count a connection out."""
        self._open.pop(connection, None)

    def make_room(self, size_bytes: int) -> None:
        """End the connections that leave the most unread until a reply may wait, too."""
        while self._open and self.unread_bytes + size_bytes > self._unread_bytes_max:
            self.shed += 1
            max(self._open, key=_unread_bytes_of).abort()

    def close(self) -> None:
        """End all connections."""
        for connection in tuple(self._open):
            connection.abort()


class _Connection(asyncio.BufferedProtocol):
    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._pending: set[asyncio.Task[None]] = set()
        self._can_write = asyncio.Event()
        self._can_write.set()
        self.unread_bytes = 0
        """Of replies that wait until the client reads."""
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's in everything but their class.
        self._transport = cast("asyncio.Transport", transport)
        self._client = _client_of(self._transport)
        self._connections.enter(self)
        self._expect_within(IDLE_S)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.leave(self)
        if self._timer is not None:
            self._timer.cancel()
        for task in self._pending:
            task.cancel()

    def get_buffer(self, sizehint: int) -> bytearray:
        # Read at once and kept by nobody: all lines share it.
        return self._connections.scratch

    def buffer_updated(self, nbytes: int) -> None:
        if not self._buffer:
            self._expect_within(MESSAGE_S)
        self._buffer += memoryview(self._connections.scratch)[:nbytes]
        self._serve()

    def eof_received(self) -> bool:
        # The client may have stopped asking and still wait for answers.
        return bool(self._pending)

    def pause_writing(self) -> None:
        self._can_write.clear()
        self._transport.pause_reading()
        self._expect_within(WRITE_S)

    def resume_writing(self) -> None:
        self._can_write.set()
        self._expect_within(IDLE_S)
        self._serve()

    def abort(self) -> None:
        """End the connection at once; what is unsent is lost."""
        self._connections.leave(self)
        self._connections.unread_bytes -= self.unread_bytes
        self.unread_bytes = 0
        self._transport.abort()

    def _serve(self) -> None:
        """Answer the complete messages in the buffer, as far as bounds allow."""
        while self._is_free() and (message := self._next_message()) is not None:
            self._connections.enter(self)
            self._expect_within(MESSAGE_S if self._buffer else IDLE_S)
            reply = self._connections.respond(message, self._client)
            if isinstance(reply, bytes):
                self._write(reply)
            elif reply is not None:
                self._begin(reply)
        if self._transport.is_closing():
            return
        if self._is_free():
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def _is_free(self) -> bool:
        return self._can_write.is_set() and len(self._pending) < PENDING_MAX

    def _next_message(self) -> bytes | None:
        buffer = self._buffer
        if len(buffer) < _PREFIX_BYTES:
            return None
        size = int.from_bytes(buffer[:_PREFIX_BYTES])
        if size > MESSAGE_BYTES_MAX:
            self.abort()  # no question is so long, and the rest of it would only be kept
            return None
        stop = _PREFIX_BYTES + size
        if len(buffer) < stop:
            return None
        message = bytes(buffer[_PREFIX_BYTES:stop])
        del buffer[:stop]
        return message

    def _begin(self, replies: AsyncIterator[bytes]) -> None:
        task = self._loop.create_task(self._write_all(replies))
        self._pending.add(task)
        self._connections.waiting += 1
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._pending.discard(task)
        self._connections.waiting -= 1
        if not task.cancelled() and task.exception() is not None:
            self.abort()
        elif not self._transport.is_closing():
            self._expect_within(IDLE_S)
            self._serve()

    async def _write_all(self, replies: AsyncIterator[bytes]) -> None:
        async for reply in replies:
            if not self._can_write.is_set():
                await self._room_for(reply)
            self._write(reply)

    async def _room_for(self, reply: bytes) -> None:
        """Wait until the line takes a reply; it may be ended to make room."""
        self._connections.make_room(len(reply))
        if self._transport.is_closing():
            return
        self._hold(len(reply))
        try:
            # All that wait are woken at once, and the first may fill the line again.
            while not self._can_write.is_set():
                await self._can_write.wait()
        finally:
            if self.unread_bytes:  # else the connection was ended, and holds nothing any more
                self._hold(-len(reply))

    def _hold(self, size_bytes: int) -> None:
        self.unread_bytes += size_bytes
        self._connections.unread_bytes += size_bytes

    def _write(self, reply: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(len(reply).to_bytes(_PREFIX_BYTES) + reply)

    def _expect_within(self, limit_s: float) -> None:
        self._deadline = self._loop.time() + limit_s

    def _watch(self) -> None:
        """Close the line once its deadline, which moves both ways, has passed."""
        now = self._loop.time()
        is_waiting = bool(self._pending) and self._can_write.is_set()
        if now >= self._deadline and not is_waiting:
            self.abort()
            return
        self._timer = self._loop.call_later(_WATCH_S, self._watch)


def _unread_bytes_of(connection: _Connection) -> int:
    return connection.unread_bytes


def _client_of(transport: asyncio.Transport) -> Address:
    address = ip_address(transport.get_extra_info("peername")[0])
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
