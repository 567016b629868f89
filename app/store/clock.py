"""The database's clock, as this process follows it.

    what the database said, seconds since by a monotonic clock -> its time now

All processes of a registry go by one calendar, whatever their own clocks say: when an
object was made, and when a grace period ends.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class DatabaseClock:
    """Tells the database's time; before it has been heard, this machine's."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Count the time since the database was heard by ``monotonic``, in seconds."""
        self._monotonic = monotonic
        self._heard: tuple[datetime, float] | None = None

    def hear(self, now: datetime) -> None:
        """Take what the database has said just now."""
        self._heard = now, self._monotonic()

    def now(self) -> datetime:
        """Tell the time in whole seconds, as objects bear it."""
        if self._heard is None:
            return datetime.now(UTC).replace(microsecond=0)
        said, at_s = self._heard
        return (said + timedelta(seconds=self._monotonic() - at_s)).replace(microsecond=0)
