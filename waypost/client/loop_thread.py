"""An event loop in a thread of its own, for programs that have none.

coroutine -> the loop's thread -> its result, waited for in any other thread
"""

import asyncio
from collections.abc import Awaitable, Callable
from threading import Event, Thread, current_thread
from typing import Final, TypeVar

ENDING_S_MAX: Final = 5.0  # in which something must end that was interrupted

R = TypeVar("R")


class LoopThread:
    """Runs an event loop from ``start`` to ``stop``."""

    def __init__(self) -> None:
        self._thread: Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_over = asyncio.Event()

    @property
    def is_running(self) -> bool:
        """Whether there is a loop."""
        return self._loop is not None

    def start(self) -> None:
        """Start the thread; returns when the loop runs."""
        runs = Event()
        self._is_over = asyncio.Event()
        # A program that ends without stopping it is not kept from ending.
        self._thread = Thread(
            target=lambda: asyncio.run(self._serve(runs)), name="waypost", daemon=True
        )
        self._thread.start()
        runs.wait()

    def stop(self) -> None:
        """Cancel what still runs, and end the thread."""
        loop, thread = self._loop, self._thread
        self._loop = self._thread = None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(self._is_over.set)
            thread.join()

    async def _serve(self, runs: Event) -> None:
        self._loop = asyncio.get_running_loop()
        runs.set()
        await self._is_over.wait()

    def run(self, send: Callable[[], Awaitable[R]]) -> R:
        """Run something to its end; cancel it when this thread is interrupted meanwhile.

        Raises RuntimeError when there is no loop, and in the loop's own thread.
        """
        if self._loop is None:
            raise RuntimeError("BlockingWaypost works in its block: with BlockingWaypost() as …")
        if current_thread() is self._thread:
            raise RuntimeError("BlockingWaypost cannot wait in the thread that does its work")
        loop, has_ended, tasks = self._loop, Event(), set[asyncio.Task[object] | None]()

        async def ended() -> R:
            tasks.add(asyncio.current_task())
            try:
                return await send()
            finally:
                has_ended.set()

        def cancel() -> None:
            for task in filter(None, tasks):
                task.cancel()
            if not tasks:  # it was not even begun
                has_ended.set()

        try:
            return asyncio.run_coroutine_threadsafe(ended(), loop).result()
        finally:
            # An interruption may come at any point, also before there is a result to wait for.
            if not has_ended.is_set():
                loop.call_soon_threadsafe(loop.call_soon, cancel)  # after the task's first step
                has_ended.wait(ENDING_S_MAX)
