"""An event loop in a thread of its own, for programs that have none.

    coroutine -> the loop's thread -> its result, waited for in any other thread

No wait outlives the loop: what is waited for when it ends is cancelled, also when a program ends
without stopping it.
"""

import asyncio
import atexit
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from concurrent.futures import CancelledError, Future
from itertools import count
from threading import Event, Lock, Thread, current_thread
from typing import Any, Final, Generic, TypeVar
from weakref import WeakValueDictionary

from waypost.client.errors import Misused

ENDING_S_MAX: Final = 5.0  # in which something must end that was interrupted

R = TypeVar("R")


class _Loop(asyncio.SelectorEventLoop):
    """Closes generators in the order in which they began: one closes those that it began itself.

    asyncio closes all at once: one that is being closed by another then fails.
    """

    def __init__(self) -> None:
        super().__init__()
        self._numbers = count()
        self._begun = WeakValueDictionary[int, AsyncGenerator[Any, Any]]()

    def note_generators(self) -> None:
        """Note each generator of this thread that begins from now on."""
        note = sys.get_asyncgen_hooks().firstiter

        def begin(generator: AsyncGenerator[Any, Any]) -> None:
            self._begun[next(self._numbers)] = generator
            if note is not None:
                note(generator)

        sys.set_asyncgen_hooks(firstiter=begin)

    async def shutdown_asyncgens(self) -> None:
        """Close the generators that have not ended."""
        for generator in tuple(self._begun.values()):
            await asyncio.gather(generator.aclose(), return_exceptions=True)
        await super().shutdown_asyncgens()


class LoopThread:
    """Runs an event loop from ``start`` to ``stop``."""

    def __init__(self) -> None:
        self._thread: Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_over = asyncio.Event()
        self._at_exit = self.stop
        self._lock = Lock()

    @property
    def is_running(self) -> bool:
        """Whether there is a loop."""
        return self._loop is not None

    def start(self, *, at_exit: Callable[[], None] | None = None) -> None:
        """Start the thread; returns when the loop runs.

        A program that ends meanwhile calls ``at_exit``, which is to stop it, or stops it: after
        that the thread, which does not keep a program from ending, would do nothing more.
        """
        runs = Event()
        self._is_over = asyncio.Event()
        self._at_exit = at_exit or self.stop
        self._thread = Thread(target=lambda: self._run(runs), name="waypost", daemon=True)
        self._thread.start()
        atexit.register(self._at_exit)
        runs.wait()

    def stop(self) -> None:
        """Cancel what still runs, and end the thread."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
            if loop is not None:
                loop.call_soon_threadsafe(self._is_over.set)
        if thread is not None:
            atexit.unregister(self._at_exit)
            thread.join()

    def _run(self, runs: Event) -> None:
        with asyncio.Runner(loop_factory=_Loop) as runner:
            runner.run(self._serve(runs))

    async def _serve(self, runs: Event) -> None:
        self._loop = loop = asyncio.get_running_loop()
        if isinstance(loop, _Loop):
            loop.note_generators()
        runs.set()
        await self._is_over.wait()

    def run(self, send: Callable[[], Awaitable[R]]) -> R:
        """Run something to its end; cancel it when this thread is interrupted meanwhile.

        Raises Misused when there is no loop any more, and in the loop's own thread.
        """
        if current_thread() is self._thread:
            raise Misused("BlockingWaypost cannot wait in the thread that does its work")
        run, loop = _Run(send), self._loop
        try:
            return self._begin(run, loop).result()
        except CancelledError:
            if self._loop is loop:
                raise
            raise Misused("BlockingWaypost was closed before the answer came") from None
        finally:
            # An interruption may come at any point, also before there is a result to wait for.
            if loop is not None and self._loop is loop:
                run.end_within(loop)

    def _begin(self, run: "_Run[R]", loop: asyncio.AbstractEventLoop | None) -> Future[R]:
        with self._lock:  # what is begun before the loop is told to stop is cancelled by it
            if loop is None or self._loop is not loop:
                raise Misused("BlockingWaypost works in its block: with BlockingWaypost() as …")
            return asyncio.run_coroutine_threadsafe(run.ended(), loop)


class _Run(Generic[R]):
    """Something that runs in the loop."""

    def __init__(self, send: Callable[[], Awaitable[R]]) -> None:
        self._send, self._has_ended = send, Event()
        self._task: asyncio.Task[object] | None = None

    async def ended(self) -> R:
        """Run it."""
        self._task = asyncio.current_task()
        try:
            return await self._send()
        finally:
            self._has_ended.set()

    def end_within(self, loop: asyncio.AbstractEventLoop) -> None:
        """Cancel it unless it has ended, and wait for that, from another thread."""
        if not self._has_ended.is_set():
            loop.call_soon_threadsafe(loop.call_soon, self._cancel)  # after the task's first step
            self._has_ended.wait(ENDING_S_MAX)

    def _cancel(self) -> None:
        if self._task is None:  # it was not even begun
            self._has_ended.set()
        else:
            self._task.cancel()
