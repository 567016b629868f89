"""A request that waits for later states, as long as its caller is allowed to.

    revision, epoch -> wait -> passed | time is up | the refusal that ends the request

Source: access.md 1.2 and 2.9.
"""

import asyncio

from app.api.access.identity import Permit
from app.api.objects.streams import Watching, require_epoch
from app.domain.names import Revision
from app.registry.reads.view import View

END_PAUSE_S = 0.1  # minimum seconds between two looks at whether a credential has ended


class Waiting:
    """The wait of one request, which counts as a watcher of its user."""

    def __init__(
        self, view: View, watching: Watching, permit: Permit | None, *, patience_s: float
    ) -> None:
        """Begin to count the time; without a permit everything is allowed."""
        self._view, self._watching, self._permit = view, watching, permit
        self._clock = asyncio.get_running_loop()
        self._until_s = self._clock.time() + patience_s
        self.user = None if permit is None else permit.holder

    def require_permitted(self) -> None:
        """Raise why the caller is not allowed any more."""
        if self._permit is not None:
            self._permit.require(self._view.snapshot)

    async def has_passed(self, revision: Revision, epoch: int) -> bool:
        """Wait for a later state; False when time is up, or the process is ending.

        Raises why the caller is not allowed any more, also at the end of its credential; Expired
        when the database has lost the revision; Overloaded when there are too many watchers.
        """
        has_passed = False
        while not has_passed:
            left_s = self._until_s - self._clock.time()
            if left_s <= 0 or self._watching.notifier.is_stopped:
                return False
            if self._permit is not None:
                left_s = min(left_s, max(self._permit.left_s, END_PAUSE_S))
            has_passed = await self._watching.wait_beyond(
                revision, epoch=epoch, within_s=left_s, user=self.user
            )
            self.require_permitted()
            require_epoch(self._view, epoch)
        return True
