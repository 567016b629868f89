"""Expressions that killed their process again and again, and are not evaluated for a while.

    environment, expressions -> killed, three times within a minute -> suspended for a minute

Each kill stalls everybody who waits for the process.  What killed it three times would most likely
do so again, so its last error stands instead, and the others are answered.

Source: access.md 3.4.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from app.domain.bounded import Bounded
from app.policy.expressions import Environment

KILLS_MAX: Final = 3
WITHIN_S: Final = 60.0  # in which so many kills suspend
SUSPENDED_S: Final = 60.0
REMEMBERED_MAX: Final = 4_096

Asked = tuple[Environment, tuple[str, ...]]
"""Expressions that are evaluated together, such as those of one issuer over the claims."""


@dataclass(slots=True)
class _Record:
    killed_at_s: deque[float] = field(default_factory=lambda: deque(maxlen=KILLS_MAX))
    error: str = ""
    until_s: float = 0.0


class Suspensions:
    """The kills of each set of expressions."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        remembered_max: int = REMEMBERED_MAX,
    ) -> None:
        """Measure time by ``clock``, in seconds."""
        self._clock = clock
        self._records = Bounded[Asked, _Record](remembered_max)

    @property
    def suspended(self) -> int:
        """How many sets of expressions are suspended now."""
        now_s = self._clock()
        return sum(now_s < record.until_s for record in self._records.values())

    def error_of(self, asked: Asked) -> str:
        """Give the error that stands for suspended expressions; empty for others."""
        record = self._records.get(asked)
        return record.error if record is not None and self._clock() < record.until_s else ""

    def count_kill(self, asked: Asked, error: str) -> bool:
        """Count a kill with its error; says whether it suspends the expressions."""
        now_s = self._clock()
        record = self._records[asked] = self._records.get(asked) or _Record()
        record.killed_at_s.append(now_s)
        record.error = f"{error}, {KILLS_MAX} times within a minute: it is suspended for a minute"
        if len(record.killed_at_s) < KILLS_MAX or record.killed_at_s[0] <= now_s - WITHIN_S:
            return False
        record.until_s = now_s + SUSPENDED_S
        record.killed_at_s.clear()
        return True
