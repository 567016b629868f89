"""Work that takes long, beside the event loop, so that names and requests go on meanwhile.

    work -> a thread, one work at a time in each lane -> its result

A thread shares the interpreter's lock with the loop, which gets it back within
``SWITCH_S``: that holds for Python, not for one long call into C, so such calls are
bounded where they are made.
"""

import asyncio
import gc
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

SWITCH_S = 0.002
"""Seconds after which a thread gives way to another; an event is heard and answered in a few."""

_FROZEN_MIN = 100_000  # objects made that are worth being left out of searches for garbage


class Lane:
    """Room for one work at a time; whatever else comes waits, in the order in which it came."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do ``work`` beside the event loop; raises what it raises."""
        async with self._turn:
            return await beside(work, *args, **kwargs)


async def beside(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do ``work`` in a thread; how many do so at once is for the caller to bound.

    The thread cannot be cancelled, so it is waited for: what it changes is nobody else's till then.
    """
    running = asyncio.ensure_future(asyncio.to_thread(_undisturbed, work, *args, **kwargs))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise


def give_way_soon() -> None:
    """Let threads give way to the event loop sooner than the interpreter's 5 ms."""
    sys.setswitchinterval(SWITCH_S)


def _undisturbed(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Make something large without a search for garbage among it, which takes a third on top.

    What is made is in no circle, and much of it stays: it is left out of later searches as well.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return work(*args, **kwargs)
    finally:
        if gc.get_count()[0] > _FROZEN_MIN:
            gc.freeze()
        if was_enabled:
            gc.enable()
