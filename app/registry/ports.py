"""Ports: protocols of the writer and of the tables without revision, which adapters implement.

``app.store`` implements them on PostgreSQL; the tests add an implementation in
memory that passes the same contract tests.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Protocol, TypeVar

from app.domain.work import Work
from app.registry.leases.lease_tracker import Lease

T = TypeVar("T")


class Writer(Protocol):
    """Turns decisions into committed revisions, one at a time, in order."""

    async def write(
        self, decide: Callable[[Work], T], *, dry_run: bool = False, reach: int = 1
    ) -> T:
        """Run ``decide`` on the current state and commit its changes.

        ``reach`` estimates how many objects it touches.  With many it runs in a thread, so it
        must share no data that the event loop changes meanwhile.

        Returns after the commit, when reads of this process show it.  A decision without
        changes takes no revision, and a dry run commits nothing.  Raises what ``decide``
        raises, with nothing written; NotSynced when the store is unreachable and nothing was
        written; Unconfirmed when the connection was lost during the commit, so that the write
        may or may not have happened.
        """
        ...

    def would_change(self, decide: Callable[[Work], object]) -> bool:
        """Whether a decision would change the current state of this process.

        Takes no lock and commits nothing.  Raises what ``decide`` raises.
        """
        ...


class LeaseStore(Protocol):
    """Last renewals of leases, of all processes; each method raises NotSynced on failure."""

    async def save(self, ages_s: Mapping[Lease, float]) -> None:
        """Store when leases were renewed, as seconds ago; older renewals are ignored."""
        ...

    async def load(self, leases: Collection[Lease]) -> Mapping[Lease, float]:
        """Map leases to seconds since their renewal; leases never renewed are left out."""
        ...

    async def load_kind(self, kind: str) -> Mapping[Lease, float]:
        """Load all leases of a kind likewise."""
        ...

    async def forget(self, leases: Collection[Lease]) -> None:
        """Delete leases of deleted objects."""
        ...

    async def forget_orphans(self) -> None:
        """Delete every lease whose object is not registered."""
        ...


class TokenUseStore(Protocol):
    """Last uses of tokens by id, of all processes; each method raises NotSynced on failure."""

    async def save(self, uses: Mapping[str, datetime]) -> None:
        """Store when tokens were used; earlier uses than those stored are ignored."""
        ...

    async def load(self) -> Mapping[str, datetime]:
        """Map tokens to their last uses; tokens never used are left out."""
        ...

    async def forget_orphans(self) -> None:
        """Delete the uses of tokens that are gone."""
        ...
