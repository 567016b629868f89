"""The database's clock, as known to this process.

    time reported by the database, seconds since by a monotonic clock -> its time now

All processes of a registry use this time, whatever their own clocks show: for the creation of
objects, and for the end of grace periods.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class DatabaseClock:
    """Gives the database's time; before the first update, this machine's."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Measure the time since the last update by ``monotonic``, in seconds."""
        self._monotonic = monotonic
        self._updated: tuple[datetime, float] | None = None

    def update(self, now: datetime) -> None:
        """Set the time that the database reported just now."""
        self._updated = now, self._monotonic()

    def now(self) -> datetime:
        """Give the time in whole seconds, as objects have it."""
        if self._updated is None:
            return datetime.now(UTC).replace(microsecond=0)
        reported, at_s = self._updated
        return (reported + timedelta(seconds=self._monotonic() - at_s)).replace(microsecond=0)
