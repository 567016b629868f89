"""How writes went, and where their time was spent.

    a batch that has ended -> a result and three durations of each write

Writes of one batch share its decision and its commit, and each counts the time that it waited for
them.  Source: style.md 2, decision 7.
"""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from time import perf_counter
from typing import Any, Final

from app.domain.errors import DomainError, NotSynced, Unconfirmed
from app.store.batch import Batch
from app.store.write_queue import Job
from app.telemetry.durations import Timings


class Phase(StrEnum):
    """Where the time of a write is spent."""

    WAITING = "waiting"
    DECIDING = "deciding"
    COMMITTING = "committing"


class Result(StrEnum):
    """How a write ended."""

    COMMITTED = "committed"
    UNCHANGED = "unchanged"
    DRY_RUN = "dry_run"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"
    FAILED = "failed"


_UNAVAILABLE: Final = (NotSynced, Unconfirmed)


class WriteMeter:
    """Counts the writes of one process."""

    def __init__(self) -> None:
        self.results = Counter[Result]()
        self.durations = Timings(Phase)

    def ended(self, batch: Batch, *, begun_at: float) -> None:
        """Count the writes of a batch, which was taken from the queue at ``begun_at``."""
        took_s = perf_counter() - begun_at
        count = len(batch.jobs)
        self.results.update(map(_result, batch.jobs))
        for waited_s in _waits(batch.jobs, begun_at):
            self.durations.add(Phase.WAITING, waited_s)
        decided_s = min(batch.decided_s, took_s)
        self.durations.add(Phase.DECIDING, decided_s * count, count)
        self.durations.add(Phase.COMMITTING, (took_s - decided_s) * count, count)


def _waits(jobs: Iterable[Job[Any]], begun_at: float) -> Iterable[float]:
    return (max(0.0, begun_at - job.queued_at) for job in jobs)


def _result(job: Job[Any]) -> Result:
    match job.refusal:
        case None if job.dry_run:
            return Result.DRY_RUN
        case None:
            return Result.COMMITTED if job.changes else Result.UNCHANGED
        case _ if isinstance(job.refusal, _UNAVAILABLE):
            return Result.UNAVAILABLE
        case DomainError():
            return Result.REFUSED
        case _:
            return Result.FAILED
