"""What the use cases need from the outside, as protocols the adapters fulfil.

``app.store`` implements them on PostgreSQL; the tests add an implementation in
memory that passes the same contract tests.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Protocol, TypeVar

from app.domain.work import Work
from app.registry.leases.lease_tracker import Lease

T = TypeVar("T")


class Writer(Protocol):
    """Turns decisions into committed revisions, one at a time, in order."""

    async def write(
        self, decide: Callable[[Work], T], *, dry_run: bool = False, reach: int = 1
    ) -> T:
        """Run ``decide`` on the current state and commit what it changed.

        ``reach`` is about how many objects that may touch: where they are many, it runs
        in a thread, so it must share nothing that the event loop changes meanwhile.

        Returns after the commit, when reads of this process show it; a decision
        that changes nothing takes no revision, and a dry run commits nothing.
        Raises what ``decide`` raises, with nothing written; NotSynced when the
        store cannot be reached and nothing was written; and Unconfirmed when it
        was lost during the commit: the write may then have happened or not.
        """
        ...

    def would_change(self, decide: Callable[[Work], object]) -> bool:
        """Whether a decision would change the state as this process knows it.

        Takes no lock and commits nothing.  Raises what ``decide`` raises.
        """
        ...


class LeaseStore(Protocol):
    """What all processes together have heard; each method raises NotSynced when it cannot."""

    async def save(self, ages_s: Mapping[Lease, float]) -> None:
        """Note when leases were renewed, as seconds ago; what is noted never goes back."""
        ...

    async def load(self, leases: Collection[Lease]) -> Mapping[Lease, float]:
        """Tell how many seconds ago leases were renewed; those never renewed are left out."""
        ...

    async def load_kind(self, kind: str) -> Mapping[Lease, float]:
        """Tell the same of every lease of a kind."""
        ...

    async def forget(self, leases: Collection[Lease]) -> None:
        """Drop what is noted of leases whose holders are gone."""
        ...

    async def forget_orphans(self) -> None:
        """Drop what is noted of every lease whose holder is not registered."""
        ...
