"""The slot of a request among those that are answered at once, for what is behind the limit.

    request -> its slot is its user's | is free again

Source: style.md 4, "Everything is bounded"; access.md 5.4.
"""

from typing import Final, Protocol

from starlette.requests import Request
from starlette.types import Scope

SLOT: Final = "waypost.slot"  # key of a request's scope; health routes have none


class Slot(Protocol):
    """One of the requests that are answered at once."""

    def belong_to(self, user: str) -> None:
        """Count for a user from now on; raises Overloaded when its share is taken."""
        ...

    def leave(self) -> None:
        """Be free again for good: what follows is bounded elsewhere."""
        ...


def count_for(scope: Scope, user: str) -> None:
    """Count the slot of a request for its user; raises Overloaded when the share is taken."""
    slot: Slot | None = scope.get(SLOT)
    if slot is not None:
        slot.belong_to(user)


def leave_slot(request: Request) -> None:
    """Release the slot of a request that waits for events."""
    slot: Slot | None = request.scope.get(SLOT)
    if slot is not None:
        slot.leave()
