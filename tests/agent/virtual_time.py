"""Virtual time, which only the test advances."""

import asyncio
import heapq
from datetime import UTC, datetime, timedelta
from itertools import count

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_STEPS = 30  # iterations of the event loop after which all runnable tasks have run


class VirtualTime:
    """A clock, and sleepers in the order of waking."""

    def __init__(self) -> None:
        self._now_s = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._ordinals = count()

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self._now_s)

    async def sleep(self, duration_s: float) -> None:
        if duration_s <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (self._now_s + duration_s, next(self._ordinals), woken)
        heapq.heappush(self._sleepers, entry)
        await woken

    async def advance(self, duration_s: float) -> None:
        """Let time pass, waking sleepers in order."""
        until_s = self._now_s + duration_s
        await self._settle()
        while self._sleepers and self._sleepers[0][0] <= until_s:
            self._now_s, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                woken.set_result(None)
                await self._settle()
        self._now_s = until_s

    async def _settle(self) -> None:
        for _ in range(_STEPS):
            await asyncio.sleep(0)
