"""The clock of a long-running process, and exponential backoff.

Tests pass their own Clock.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

RETRY_S_MIN, RETRY_S_MAX = 0.5, 30.0  # after a failure, doubled each time
_DOUBLINGS_MAX: Final = 16


class Clock(Protocol):
    """Monotonic time and sleeping."""

    def now_s(self) -> float:
        """Return the seconds since some moment; never goes back."""
        ...

    async def sleep(self, duration_s: float) -> None:
        """Wait."""
        ...


class _LoopClock:
    """The clock of the event loop."""

    def now_s(self) -> float:
        """Return the seconds since some moment; never goes back."""
        return asyncio.get_running_loop().time()

    async def sleep(self, duration_s: float) -> None:
        """Wait."""
        await asyncio.sleep(duration_s)


CLOCK: Final = _LoopClock()


@dataclass(slots=True)
class Backoff:
    """Exponential backoff.

    Half of each delay is random, so that clients do not all retry at the same time.
    """

    retry_s_min: float = RETRY_S_MIN
    retry_s_max: float = RETRY_S_MAX
    chance: Callable[[], float] = random.random
    """Random share, from 0 to 1, of the second half of a delay."""
    retry_at_s: float = float("-inf")
    _failures: int = 0

    def failed(self, now_s: float) -> None:
        """Note a failure."""
        delay_s = self.retry_s_min * 2.0 ** min(self._failures, _DOUBLINGS_MAX)
        self._failures += 1
        self.retry_at_s = now_s + min(delay_s, self.retry_s_max) * (1 + self.chance()) / 2

    def succeeded(self) -> None:
        """Forget all failures."""
        self._failures = 0
        self.retry_at_s = float("-inf")
