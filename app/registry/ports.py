"""What the use cases need from the outside, as protocols the adapters fulfil.

``app.store`` implements them on PostgreSQL; the tests add an implementation in
memory that passes the same contract tests.
"""

from collections.abc import Callable
from typing import Protocol, TypeVar

from app.registry.work import Work

T = TypeVar("T")


class Writer(Protocol):
    """Turns decisions into committed revisions, one at a time, in order."""

    async def write(self, decide: Callable[[Work], T], *, dry_run: bool = False) -> T:
        """Run ``decide`` on the current state and commit what it changed.

        Returns after the commit, when reads of this process show it; a decision
        that changes nothing takes no revision, and a dry run commits nothing.
        Raises what ``decide`` raises, with nothing written, and NotSynced when
        the store cannot be reached: the write may then have happened or not.
        """
        ...
