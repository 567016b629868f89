"""What watchers were sent, and why their streams ended.

Source: contract.md, "GET /watch"; docs/watch.md.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from app.api import errors as api_errors
from app.api.http.shares import Shares
from app.domain import errors
from app.telemetry.bounds import Bound, in_use, refusals


class End(StrEnum):
    """Why a stream ended."""

    CLIENT = "client"
    """The client has disconnected."""
    TIMEOUT = "timeout"
    SHUTDOWN = "shutdown"
    STALLED = "stalled"
    """The client did not read for too long."""
    EXPIRED = "expired"
    FORBIDDEN = "forbidden"
    UNAUTHENTICATED = "unauthenticated"


END_OF: Final[Mapping[type[errors.DomainError], End]] = {
    errors.Expired: End.EXPIRED,
    errors.Forbidden: End.FORBIDDEN,
    api_errors.Unauthenticated: End.UNAUTHENTICATED,
}
"""The refusals that end a stream."""


@dataclass(slots=True)
class WatchStats:
    """Counts of one process since its start; bookmarks are no events."""

    events: int = 0
    ends: Counter[End] = field(default_factory=Counter[End])

    def count_refusal(self) -> None:
        """Count a watcher for whom there was no room."""
        refusals[Bound.WATCHERS] += 1

    def count_open(self, more: int) -> None:
        """Count one more watcher, or one less."""
        in_use[Bound.WATCHERS] += more

    @contextmanager
    def ending(self, end: Callable[[], End]) -> Generator[None]:
        """Count the end of the block; one that is cancelled has a client that does not read."""
        found = end
        try:
            yield
        except asyncio.CancelledError:
            found = _stalled
            raise
        finally:
            self.ends[found()] += 1


def shares_of(watchers_max: int) -> Shares:
    """Divide the watchers that there may be among users."""
    return Shares(watchers_max, "watchers", bound=Bound.WATCHERS_OF_USER)


def _stalled() -> End:
    return End.STALLED
