"""DNS over TCP: length-prefixed messages, many on a connection, answered in any order.

    stream octets -> messages -> replies, as soon as each is ready

Every client is bounded: in time (a message that was begun must end, an idle connection is
closed, replies must be read), in the size of its questions, and in pending questions.
With too many connections, the one that has been idle longest is closed; with too many
unread octets, the one with the most.

Source: RFC 7766; spec dns A13.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import cast

from app.dns.serving.sockets import client_address
from app.domain.addresses import Address

IDLE_S = 10.0  # without a message
MESSAGE_S = 3.0  # from the first octet of a message to its last
WRITE_S = 5.0  # that a client may leave replies unread
PENDING_MAX = 64  # questions of one connection that wait for an upstream's answer
CONNECTIONS_MAX = 512
WAITING_MAX = 1_024  # questions of all connections that wait for an upstream's answer
UNREAD_BYTES_MAX = 16 * 1024 * 1024  # of replies that clients have not read, all connections
READ_BYTES_MAX = 16_384  # in one read
MESSAGE_BYTES_MAX = 4_096  # of a question; as long as a datagram may be
_WATCH_S = 0.5  # how late a deadline may be noticed
_PREFIX_BYTES = 2

Respond = Callable[[bytes, Address], bytes | AsyncIterator[bytes] | None]
"""Answers a message: with a reply, with replies that come later, or not at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The bounds of a message's time, and of all connections together."""

    message_s: float = MESSAGE_S
    connections_max: int = CONNECTIONS_MAX
    waiting_max: int = WAITING_MAX
    unread_bytes_max: int = UNREAD_BYTES_MAX


LIMITS = Limits()


class Connections:
    """The open connections of a server, the one idle longest first."""

    def __init__(self, respond: Respond, limits: Limits = LIMITS) -> None:
        self.respond = respond
        self.limits = limits
        self.shed = 0
        """Connections closed to make room."""
        self.waiting = 0
        """Questions whose replies come later."""
        self.unread_bytes = 0
        """Of finished replies that their clients have not read."""
        self.scratch = bytearray(READ_BYTES_MAX)
        """The read buffer, shared by all connections."""
        self._open: dict[_Connection, None] = {}

    def __len__(self) -> int:
        return len(self._open)

    @property
    def may_wait(self) -> bool:
        """Whether one more question may wait; otherwise it is answered SERVFAIL."""
        return self.waiting < self.limits.waiting_max

    def accept(self) -> "_Connection":
        """Make the protocol of a connection that has been accepted."""
        return _Connection(self)

    def enter(self, connection: "_Connection") -> None:
        """Add a connection, or move it behind those that have been idle longer."""
        self._open.pop(connection, None)
        if len(self._open) >= self.limits.connections_max:
            self.shed += 1
            next(iter(self._open)).abort()
        self._open[connection] = None

    def leave(self, connection: "_Connection") -> None:
        """Remove a connection."""
        self._open.pop(connection, None)

    def make_room(self, size_bytes: int) -> None:
        """Close the connections with the most unread octets until ``size_bytes`` more fit."""
        while self._open and self.unread_bytes + size_bytes > self.limits.unread_bytes_max:
            self.shed += 1
            max(self._open, key=lambda connection: connection.unread_bytes).abort()

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
        """Of replies that the client has not read."""
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's in everything but their class.
        self._transport = cast("asyncio.Transport", transport)
        self._client = client_address(self._transport.get_extra_info("peername")[0])
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
        # buffer_updated copies the octets before the next read, so all connections share it.
        return self._connections.scratch

    def buffer_updated(self, nbytes: int) -> None:
        if not self._buffer:
            self._expect_within(self._connections.limits.message_s)
        self._buffer += memoryview(self._connections.scratch)[:nbytes]
        self._serve()

    def eof_received(self) -> bool:
        # The client may have closed its side and still wait for answers.
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
        """Close the connection immediately; unsent replies are lost."""
        self._connections.leave(self)
        self._connections.unread_bytes -= self.unread_bytes
        self.unread_bytes = 0
        self._transport.abort()

    def _serve(self) -> None:
        """Answer the complete messages in the buffer, within the bounds."""
        while self._is_free() and (message := self._next_message()) is not None:
            self._connections.enter(self)
            self._expect_within(self._connections.limits.message_s if self._buffer else IDLE_S)
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
            self.abort()  # no valid question is so long: do not buffer the rest of it
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
        """Wait until the transport accepts a reply; it may be closed to make room."""
        self._connections.make_room(len(reply))
        if self._transport.is_closing():
            return
        self._add_unread(len(reply))
        try:
            # All waiting tasks are woken together, and the first may fill the transport again.
            while not self._can_write.is_set():
                await self._can_write.wait()
        finally:
            if self.unread_bytes:  # zero after abort, which has subtracted it already
                self._add_unread(-len(reply))

    def _add_unread(self, size_bytes: int) -> None:
        self.unread_bytes += size_bytes
        self._connections.unread_bytes += size_bytes

    def _write(self, reply: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(len(reply).to_bytes(_PREFIX_BYTES) + reply)

    def _expect_within(self, limit_s: float) -> None:
        self._deadline = self._loop.time() + limit_s

    def _watch(self) -> None:
        """Close the connection after its deadline, which may move in both directions."""
        now = self._loop.time()
        is_waiting = bool(self._pending) and self._can_write.is_set()
        if now >= self._deadline and not is_waiting:
            self.abort()
            return
        self._timer = self._loop.call_later(_WATCH_S, self._watch)
