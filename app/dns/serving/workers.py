"""DNS over several worker processes: the kernel distributes questions, the parent sends changes.

    view -> frames -> worker: a View of its own -> a DNSServer of its own
                         '-> its counters, periodically -> Stats of all

    python -m app.dns.serving.workers UDP TCP LINE         (numbers of inherited sockets)

All workers share the port; the parent binds it for them, keeps the sockets and
restarts a worker that ends.  A new worker gets the whole state in parts, then every
commit; it ends when its parent does.

Source: socket(7) on SO_REUSEPORT; style.md 2, decision 3.
"""

import asyncio
import gc
import logging
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from app.dns.answering.protocol import ProtocolConfig
from app.dns.counters import Stats, total
from app.dns.serving.frames import (
    Committed,
    Part,
    Setup,
    encode_frame,
    parts_of,
    read_frame,
)
from app.dns.serving.server import DNSServer, ServerOptions, forwarder_of
from app.dns.serving.sockets import Bound, bind
from app.domain.changes import Change
from app.domain.objects.resource import Object
from app.domain.snapshot import load
from app.registry.garbage import short_searches
from app.registry.reads.view import Advance, View
from app.registry.threads import shorten_switch_interval

BACKLOG_BYTES_MAX = 64 * 1024 * 1024  # unsent to a worker, above which it is restarted
REPORT_S = 1.0  # between two reports of a worker's counters
RESTART_S = 1.0  # from the end of a worker to its next start
STOP_S = 3.0  # until a worker that does not end by itself is killed
WORKERS_MAX = 64

_log = logging.getLogger(__name__)


class DNSWorkers:
    """Serves one view from several processes; the calling process only sends them commits."""

    def __init__(
        self, view: View, config: ProtocolConfig, options: ServerOptions, *, count: int
    ) -> None:
        # Only the first worker notifies the secondaries.
        first, others = Setup(config, options), Setup(config, replace(options, notify=()))
        count = min(count, WORKERS_MAX)
        self._workers = [_Worker(view, setup) for setup in (first, *[others] * (count - 1))]
        self._view = view
        self._unsubscribe: Callable[[], None] | None = None
        self.host: str = ""
        self.port: int = 0
        self.forwarder = forwarder_of(view, config, options)
        """For upstream questions of this process itself (``/resolve``); workers have their own."""
        self.protocol = self.forwarder.protocol

    async def start(self, host: str, port: int) -> None:
        """Bind the port once for every worker and start them all."""
        for worker in self._workers:
            worker.bound = bind(host, self.port or port, shares_port=True)
            self.host, self.port = host, worker.bound.port
        self._unsubscribe = self._view.subscribe(self._send)
        for worker in self._workers:
            worker.start()
        _log.info("%d workers serve DNS on %s port %d", len(self._workers), host, self.port)

    async def close(self) -> None:
        """Stop all workers."""
        if self._unsubscribe is not None:
            self._unsubscribe()
        await asyncio.gather(*(worker.close() for worker in self._workers))
        await self.forwarder.close()

    def stats(self) -> Stats:
        """Add up the counters of all workers, including those that have ended."""
        return total(each for worker in self._workers for each in (worker.earlier, worker.latest))

    def _send(self, advance: Advance) -> None:
        octets = encode_frame(Committed(advance.changes, has_more=advance.has_more))
        for worker in self._workers:
            worker.send(octets)


class _Worker:
    """Keeps one worker process running."""

    bound: Bound

    def __init__(self, view: View, setup: Setup) -> None:
        self.earlier, self.latest = Stats(), Stats()
        """The counters of its earlier processes, and of the running one."""
        self._view = view
        self._setup = setup
        self._task: asyncio.Task[None] | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._waiting: list[bytes] | None = None

    def start(self) -> None:
        """Keep a process running from now on."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """End the process and close the sockets."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self.bound.close()

    def send(self, octets: bytes) -> None:
        """Send a commit; queue it while the initial state is still being sent."""
        if self._waiting is not None:
            self._waiting.append(octets)
        elif self._writer is not None and not self._writer.is_closing():
            self._writer.write(octets)
            if self._writer.transport.get_write_buffer_size() > BACKLOG_BYTES_MAX:
                _log.warning("a DNS worker does not keep up with commits; restarting it")
                self._writer.transport.abort()

    async def _run(self) -> None:
        while True:
            ours, theirs = socket.socketpair()
            numbers = [each.fileno() for each in (self.bound.udp, self.bound.tcp, theirs)]
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "app.dns.serving.workers",
                *map(str, numbers),
                pass_fds=numbers,
            )
            theirs.close()
            try:
                await self._serve(ours)
            finally:
                await _end(process)
                self.earlier, self.latest = total((self.earlier, self.latest)), Stats()
            _log.warning("a DNS worker has ended; starting a new one")
            await asyncio.sleep(RESTART_S)

    async def _serve(self, line: socket.socket) -> None:
        """Send the state to a process and receive its counters until it ends."""
        reader, self._writer = await asyncio.open_connection(sock=line)
        try:
            receiving = asyncio.create_task(self._receive(reader))
            try:
                await self._send_state(self._writer)
                await receiving
            finally:
                receiving.cancel()
        except ConnectionError:
            pass  # the process has ended
        finally:
            self._writer.close()
            self._writer = None

    async def _send_state(self, writer: asyncio.StreamWriter) -> None:
        writer.write(encode_frame(self._setup))
        while not self._view.is_synced:  # noqa: ASYNC110  the first load notifies no subscriber
            await asyncio.sleep(0.01)
        self._waiting = []
        for frame in parts_of(self._view.snapshot):
            writer.write(encode_frame(frame))
            await writer.drain()
        waiting, self._waiting = self._waiting, None
        writer.writelines(waiting)

    async def _receive(self, reader: asyncio.StreamReader) -> None:
        while (frame := await read_frame(reader)) is not None:
            if isinstance(frame, Stats):
                self.latest = frame


async def _end(process: asyncio.subprocess.Process) -> None:
    """Wait for a process whose connection is closed; kill it if it does not end."""
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def work(bound: Bound, line: socket.socket) -> None:
    """Serve until the parent closes the connection."""
    reader, writer = await asyncio.open_connection(sock=line)
    setup = await read_frame(reader)
    assert isinstance(setup, Setup), "the first frame has the settings"
    shorten_switch_interval()
    view = View()
    server = DNSServer(view, setup.config, setup.options)
    await server.serve_on(bound)
    reports = asyncio.create_task(_report(server, writer))
    try:
        await _follow(reader, view)
    finally:
        reports.cancel()
        await server.close()
        writer.close()


async def _follow(reader: asyncio.StreamReader, view: View) -> None:
    objects: list[Object] = []
    pending: list[Change] = []
    while (frame := await read_frame(reader)) is not None:
        match frame:
            case Part():
                objects.extend(frame.objects)
                if frame.revision is not None:
                    snapshot = load(objects, revision=frame.revision)
                    view.reset(snapshot, history=(), compacted=frame.revision)
                    objects.clear()
                    gc.collect()
                    gc.freeze()  # the loaded state is long-lived: exempt it from collection
            case Committed():
                pending.extend(frame.changes)
                if not frame.has_more:
                    await view.show(pending)
                    pending.clear()
            case _:
                pass


async def _report(server: DNSServer, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while True:
            writer.write(encode_frame(server.stats()))
            await writer.drain()
            await asyncio.sleep(REPORT_S)


def main() -> None:
    """Serve on the inherited sockets."""
    udp, tcp, line = (socket.socket(fileno=int(number)) for number in sys.argv[1:4])
    for inherited in (udp, tcp, line):
        inherited.settimeout(0)
    with suppress(KeyboardInterrupt), short_searches():
        asyncio.run(work(Bound(udp, tcp), line))


if __name__ == "__main__":
    main()
