"""Shares of users in a limit: whoever fills theirs leaves room for everybody else.

    limit, user -> counted, or Overloaded

A user has a quarter of a limit.  Without authentication there are no users, and no shares.

Source: access.md 5.4.
"""

from typing import Final

from app.api.errors import Overloaded
from app.telemetry.bounds import Bound, refusals

SHARES: Final = 4  # of a limit, one for each user


class Shares:
    """What each user has of a limit; only those that have something are remembered."""

    def __init__(self, limit: int, words: str, *, bound: Bound) -> None:
        """Divide ``limit``; ``words`` name what it limits, in the plural.

        Refusals count as those of ``bound``.
        """
        self._bound = bound
        self._share_max = max(1, limit // SHARES)
        self._limit, self._words = limit, words
        self._taken_by_user: dict[str, int] = {}

    def require(self, user: str | None) -> None:
        """Raise Overloaded when a user has all of its share; None is no user."""
        if user is not None and self._taken_by_user.get(user, 0) >= self._share_max:
            refusals[self._bound] += 1
            raise Overloaded(
                f'user "{user}" has {self._share_max} {self._words} already, '
                f"the most that one user may have of {self._limit}"
            )

    def take(self, user: str | None) -> None:
        """Count one more for a user."""
        if user is not None:
            self._taken_by_user[user] = self._taken_by_user.get(user, 0) + 1

    def give(self, user: str | None) -> None:
        """Count one less for a user."""
        if user is None:
            return
        if left := self._taken_by_user[user] - 1:
            self._taken_by_user[user] = left
        else:
            del self._taken_by_user[user]
