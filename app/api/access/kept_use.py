"""The use of a permit by answers that are given again: whether it holds now, and that it is used.

    contact with the database, the time -> whether the answer may be given
    answer given -> counted as an authentication, recorded as a use of the token

What the state decides is the ground of the permit, which ``kept`` gives.

Source: access.md 1.2 and 1.9.
"""

from datetime import datetime

from prometheus_client import Counter

from app.api.access.evaluation import Access
from app.api.access.identity import Permit


class KeptUse:
    """The use of one permit; what only the time changes is done once for each time.

    Uses are recorded by the minute, so a second record at the same time would say nothing.
    """

    def __init__(self, access: Access, permit: Permit, counted: Counter) -> None:
        """Count each use in ``counted``."""
        self._access, self._permit, self._counted = access, permit, counted
        self._now: datetime | None = None
        self._recorded_at: datetime | None = None
        self._has_ended = False

    def is_allowed(self) -> bool:
        """Whether the credential has not ended, and this process would know of its revocation."""
        now = self._access.now()
        if now is not self._now:
            self._now, self._has_ended = now, self._permit.has_ended_at(now)
        return not (self._has_ended or self._access.is_stale())

    def count(self, _: float) -> None:
        """Count a use, and record it if that says something new."""
        self._counted.inc()
        now = self._now
        if now is not None and now is not self._recorded_at:
            self._recorded_at = now
            self._access.used(self._permit.caller.credential_id, now)
