"""Rate-limited log lines about repeated failures: once a minute instead of once per attempt.

    subject, words -> a log line, or one more that is suppressed

A subject is what the line is about, such as a URL.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

PERIOD_S: Final = 60.0
SUBJECTS_MAX: Final = 256  # the one logged longest ago is forgotten first


@dataclass(slots=True)
class _Logged:
    at_s: float
    suppressed: int = 0


class Notices:
    """Writes to one log, once per subject and period."""

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
