"""Decisions that share a transaction.

jobs -> Batch: what they have changed so far, and how far their commit is

A batch that begins anew decides its jobs again, on the state that it then begins from.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.domain.changes import Change
from app.domain.snapshot import Snapshot
from app.store.write_queue import Job

AT_ONCE_MAX = 100  # objects touched; decisions that may touch more run in a thread


@dataclass(slots=True)
class Batch:
    """Decisions of one transaction, their changes so far, and its progress."""

    jobs: list[Job[Any]]
    before: Snapshot = field(default_factory=Snapshot)
    snapshot: Snapshot = field(default_factory=Snapshot)
    cursors: Mapping[str, int] = field(default_factory=dict[str, int])
    changes: list[Change] = field(default_factory=list[Change])
    has_begun: bool = False
    is_decided: bool = False
    is_committing: bool = False
    decided_s: float = 0.0
    """Seconds that its decisions took, all attempts together."""

    @property
    def is_long(self) -> bool:
        """Whether its decisions may touch more than ``AT_ONCE_MAX`` objects."""
        return sum(job.reach for job in self.jobs) > AT_ONCE_MAX

    def begin(self, snapshot: Snapshot, cursors: Mapping[str, int]) -> None:
        """Start from a state, and drop earlier decisions."""
        self.before = self.snapshot = snapshot
        self.cursors = cursors
        self.changes.clear()

    def fail(self, refusal: Exception) -> None:
        """Refuse every decision, and drop their changes."""
        self.changes.clear()
        for job in self.jobs:
            job.refusal = refusal
