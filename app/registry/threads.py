"""Long computations run in a thread, while the event loop answers DNS questions and requests.

    job -> a thread, one job at a time in each lane -> its result

The thread shares the interpreter lock with the loop, which gets it back within
``SWITCH_INTERVAL_S``.  That holds for Python code, not for one long call into C, so callers
bound such calls.
"""

import asyncio
import gc
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from app.registry.garbage import exempt_many

P = ParamSpec("P")
T = TypeVar("T")

SWITCH_INTERVAL_S = 0.0005
"""Interpreter switch interval; the loop answers an event within a few of these."""


class Lane:
    """Runs one job at a time; further jobs wait in order of arrival."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``work`` in a thread; raises what it raises."""
        async with self._turn:
            return await in_thread(work, *args, **kwargs)


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run ``work`` in a thread; the caller bounds how many run at once.

    A thread cannot be cancelled.  A cancelled caller waits for its end, since the thread may
    still change what it was given.
    """
    running = asyncio.ensure_future(asyncio.to_thread(_without_gc, work, *args, **kwargs))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise


def shorten_switch_interval() -> None:
    """Let the event loop get the interpreter lock back sooner than after the default 5 ms."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)


def _without_gc(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run with the cyclic garbage collector off, which would cost a third on top.

    The results have no reference cycles and much of them stays in memory, so large ones are
    exempt from later collections as well.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return work(*args, **kwargs)
    finally:
        exempt_many()
        if was_enabled:
            gc.enable()
