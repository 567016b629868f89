"""What an operator is told of something that goes on failing: once a minute, not once a try.

    subject, words -> a line of the log, or one more that was not written

A subject is what the words are about, such as a URL.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

PERIOD_S: Final = 60.0
SUBJECTS_MAX: Final = 256  # the one that was said longest ago is forgotten first


@dataclass(slots=True)
class _Said:
    at_s: float
    unsaid: int = 0


class Notices:
    """Writes to one log, about each subject once a period."""

    def __init__(self, log: logging.Logger, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._log, self._now_s = log, now_s
        self._said_by_subject: dict[str, _Said] = {}

    def say(self, subject: str, words: str, *, level: int = logging.WARNING) -> bool:
        """Log the words unless the subject had some within a period; tells whether it did."""
        now_s = self._now_s()
        said = self._said_by_subject.get(subject)
        if said is not None and now_s - said.at_s < PERIOD_S:
            said.unsaid += 1
            return False
        more = f" ({said.unsaid} more since this was last said)" if said and said.unsaid else ""
        self._log.log(level, "%s%s", words, more)
        self._said_by_subject.pop(subject, None)
        if len(self._said_by_subject) >= SUBJECTS_MAX:
            del self._said_by_subject[next(iter(self._said_by_subject))]
        self._said_by_subject[subject] = _Said(now_s)
        return True
