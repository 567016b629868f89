"""More processes that serve the API on one port; the kernel distributes connections among them.

    first process -> APIWorkers -> `waypost api-worker`, a view and a listener of its own
                                -> started again when it ends

A worker binds the port itself once it can answer, so that no connection waits for one that still
loads.  It is connected to the first process by a pair of sockets: it says on it that it is ready,
and ends when the first process does, however that happens.

Source: socket(7) on SO_REUSEPORT.
"""

import asyncio
import logging
import os
import socket
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager

from app.api.transport.server import SHUTDOWN_GRACE_S

RESTART_S = 1.0  # from the end of a worker to its next start
STOP_S = SHUTDOWN_GRACE_S + 2.0  # until a worker that does not end by itself is killed
READY = b"ready\n"

_log = logging.getLogger(__name__)


class APIWorkers:
    """Keeps the other processes running, ``count`` of them."""

    def __init__(
        self,
        count: int,
        words: tuple[str, ...],
        environment: Mapping[str, str],
        *,
        ended: Callable[[int], None],
    ) -> None:
        """Run ``waypost api-worker`` with ``words``.

        ``ended`` is called with the number of each process that has ended.
        """
        self._count, self._words, self._ended = count, words, ended
        self._environment = {**os.environ, **environment}

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None, None]:
        """Run them for the length of the block, which begins when all of them can answer.

        Raises OSError when one of them ends before.
        """
        starting = [self._start() for _ in range(self._count)]
        started = await asyncio.gather(*starting, return_exceptions=True)
        keeping = [
            asyncio.create_task(self._keep(*each))
            for each in started
            if not isinstance(each, BaseException)
        ]
        try:
            for each in started:
                if isinstance(each, BaseException):
                    raise each
            yield
        finally:
            for task in keeping:
                task.cancel()
            await asyncio.gather(*keeping, return_exceptions=True)

    async def _start(self) -> tuple[asyncio.subprocess.Process, socket.socket]:
        """Start one, and wait until it can answer."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)  # noqa: FBT003  the only way to call it
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "app", "api-worker", str(theirs.fileno()), *self._words),
                env=self._environment,
                pass_fds=[theirs.fileno()],
            )
        try:
            said = await asyncio.get_running_loop().sock_recv(ours, len(READY))
        except BaseException:
            await self._end(process, ours)
            raise
        if said != READY:
            await self._end(process, ours)
            raise OSError("a process of the API has ended before it could answer")
        return process, ours

    async def _keep(self, process: asyncio.subprocess.Process, line: socket.socket) -> None:
        while True:
            try:
                await process.wait()
            finally:
                await self._end(process, line)
            _log.warning("a process of the API has ended; starting a new one")
            while True:
                await asyncio.sleep(RESTART_S)
                try:
                    process, line = await self._start()
                except OSError as error:
                    _log.warning("%s; starting another", error)
                else:
                    break

    async def _end(self, process: asyncio.subprocess.Process, line: socket.socket) -> None:
        """Let a process end, and kill it if it does not."""
        line.close()
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        self._ended(process.pid)


class FirstProcess:
    """The process that started this one, at the other end of its line."""

    def __init__(self, line: socket.socket) -> None:
        """Speak to it over ``line``."""
        self._line = line
        line.setblocking(False)  # noqa: FBT003  the only way to call it

    def tell_ready(self) -> None:
        """Say that this process can answer."""
        self._line.send(READY)

    async def ended(self) -> None:
        """Wait until it has ended, or wants this process to end."""
        await asyncio.get_running_loop().sock_recv(self._line, 1)
