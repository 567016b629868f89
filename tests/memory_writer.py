"""A writer without a database, for tests of use cases; it passes the same contract tests."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from app.domain.names import Revision, Uid
from app.domain.work import Policy, Work
from app.registry.reads.view import View
from app.registry.writes.reconcile import reconcile

T = TypeVar("T")
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = Policy()


class MemoryWriter:
    """Decides immediately and advances its view; ``now`` changes only when a test sets it."""

    def __init__(self, view: View, policy: Policy = POLICY) -> None:
        self.view = view
        self.now = EPOCH
        self._policy = policy
        self._cursors: Mapping[str, int] = {}
        self._uids = 0
        if not view.is_synced:
            view.reset(view.snapshot, history=(), compacted=Revision(0))

    async def write(
        self, decide: Callable[[Work], T], *, dry_run: bool = False, reach: int = 1
    ) -> T:
        del reach
        return self.write_now(decide, dry_run=dry_run)

    def write_now(self, decide: Callable[[Work], T], *, dry_run: bool = False) -> T:
        work = self._work()
        result = decide(work)
        reconcile(work)
        if not dry_run:
            self._cursors = work.cursors
            self.view.advance(work.changes())
        return result

    def would_change(self, decide: Callable[[Work], object]) -> bool:
        work = self._work()
        decide(work)
        return bool(work.changes())

    def _work(self) -> Work:
        return Work(
            snapshot=self.view.snapshot,
            revision=Revision(self.view.snapshot.revision + 1),
            now=self.now,
            new_uid=self._new_uid,
            policy=self._policy,
            cursors=self._cursors,
        )

    def _new_uid(self) -> Uid:
        self._uids += 1
        return Uid(str(UUID(int=self._uids)))
