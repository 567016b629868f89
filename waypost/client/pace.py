"""How often a long-running process retries after failures, and logs them.

    failures -> Backoff -> when to retry
    subject, words -> Notices -> a log line, or one more that is suppressed

Tests pass their own Clock.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

RETRY_S_MIN, RETRY_S_MAX = 0.5, 30.0  # after a failure, doubled each time
PERIOD_S: Final = 60.0  # between two log lines about a subject
SUBJECTS_MAX: Final = 256  # the one logged longest ago is forgotten first
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
    def now_s(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, duration_s: float) -> None:
        await asyncio.sleep(duration_s)


CLOCK: Final = _LoopClock()
"""The clock of the event loop."""


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


@dataclass(slots=True)
class _Logged:
    at_s: float
    suppressed: int = 0


class Notices:
    """Writes to one log, once per subject and period.

    A subject is what a line is about, such as a URL.
    """

    def __init__(self, log: logging.Logger, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._log, self._now_s = log, now_s
        self._logged_by_subject: dict[str, _Logged] = {}

    def say(self, subject: str, words: str, *, level: int = logging.WARNING) -> bool:
        """Log the words unless the subject was logged within a period; return whether it was."""
        now_s = self._now_s()
        last = self._logged_by_subject.get(subject)
        if last is not None and now_s - last.at_s < PERIOD_S:
            last.suppressed += 1
            return False
        more = f" ({last.suppressed} similar lines suppressed)" if last and last.suppressed else ""
        self._log.log(level, "%s%s", words, more)
        self._logged_by_subject.pop(subject, None)
        if len(self._logged_by_subject) >= SUBJECTS_MAX:
            del self._logged_by_subject[next(iter(self._logged_by_subject))]
        self._logged_by_subject[subject] = _Logged(now_s)
        return True
