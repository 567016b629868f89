"""The initial objects of a watch, found in pieces that yield to the event loop.

    Snapshot, Interest -> objects that match, by kind and key, a piece at a time

However many watches begin together, each iteration of the event loop does one piece for one
of them; watches that begin at the same revision share its sorted keys.
"""

from collections.abc import AsyncGenerator

from app.domain.objects.resource import Object
from app.domain.resources import RESOURCES
from app.domain.snapshot import Snapshot
from app.registry.reads.ordering import KEYS_A_PIECE, Ordering, narrowest
from app.registry.reads.watch import Interest
from app.registry.yielding_lock import YieldingLock


class InitialStates:
    """Initial states for the watchers of a process, computed under one lock."""

    def __init__(self) -> None:
        self.yielding_lock = YieldingLock()
        self._ordering = Ordering(self.yielding_lock)

    async def objects(
        self, snapshot: Snapshot, interest: Interest, *, epoch: int
    ) -> AsyncGenerator[list[Object], None]:
        """Yield the matches of each piece, by kind and key; a piece may have none."""
        for kind in RESOURCES:
            if kind.name not in interest.kinds:
                continue
            term = narrowest(
                snapshot,
                kind,
                namespace=interest.namespace,
                labels=interest.labels,
                fields=interest.fields,
            )
            held = snapshot.of(kind)
            keys = await self._ordering.keys(snapshot, kind, term, epoch=epoch)
            for first in range(0, len(keys), KEYS_A_PIECE):
                async with self.yielding_lock:
                    piece = [held[key] for key in keys[first : first + KEYS_A_PIECE]]
                    found = [registered for registered in piece if interest.covers(registered)]
                yield found
