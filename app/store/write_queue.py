"""Queue of decisions, which wait in it for a bounded time.

    decision -> Job -> queued, up to QUEUED_S_MAX -> batch -> result, or refusal

While a long decision is computed and saved, the time limits of queued ones are suspended: they
wait for this process, not for the database.
"""

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Generic, TypeVar

from app.domain.changes import Change
from app.domain.errors import NotSynced
from app.domain.work import Work
from app.telemetry.bounds import Bound, refusals
from app.telemetry.origin import Origin, origin

BATCH_MAX = 64  # decisions committed together
QUEUE_MAX = 1_024  # queued decisions; one more is refused
QUEUED_S_MAX = 5.0  # seconds until a decision's transaction begins, long decisions not counted

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Job(Generic[T]):
    """A decision that is queued or being committed, and its outcome."""

    decide: Callable[[Work], T]
    dry_run: bool
    reach: int
    answer: "asyncio.Future[T]"
    waiting: asyncio.Timeout
    origin: Origin = field(default_factory=origin)
    queued_at: float = field(default_factory=perf_counter)
    result: T | None = None
    refusal: BaseException | None = None
    changes: tuple[Change, ...] = ()
    """What it has changed; nothing if it is a dry run."""

    def begin(self) -> bool:
        """Take it out of the queue; False when its caller was cancelled or its time is over."""
        if self.answer.done() or self.waiting.expired():
            return False
        self.waiting.reschedule(None)
        return True

    def settle(self) -> None:
        """Answer the caller; when that was cancelled, the decision stands all the same."""
        if self.answer.done():
            return
        if self.refusal is not None:
            self.answer.set_exception(self.refusal)
        else:
            self.answer.set_result(self.result)  # type: ignore[arg-type]


class WriteQueue:
    """Queue in order of arrival, emptied in batches."""

    def __init__(self) -> None:
        self.queued_s_max = QUEUED_S_MAX
        self._jobs: asyncio.Queue[Job[Any]] = asyncio.Queue(QUEUE_MAX)
        self._waiting: set[asyncio.Timeout] = set()
        self._is_held = False

    def __len__(self) -> int:
        """Count the decisions that are queued."""
        return self._jobs.qsize()

    async def answered(
        self, decide: Callable[[Work], T], *, dry_run: bool = False, reach: int = 1
    ) -> T:
        """Queue a decision, and wait for its answer.

        Raises NotSynced when the queue is full, or the decision is queued for too long.
        """
        waiting = asyncio.timeout(None if self._is_held else self.queued_s_max)
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        try:
            async with waiting:
                self._waiting.add(waiting)
                self._jobs.put_nowait(Job(decide, dry_run, reach, answer, waiting))
                return await answer
        except asyncio.QueueFull:
            refusals[Bound.WRITES_QUEUED] += 1
            raise NotSynced(f"{QUEUE_MAX} writes are queued already") from None
        except TimeoutError:
            if not waiting.expired():
                raise
            refusals[Bound.WRITE_QUEUE_TIME] += 1
            raise NotSynced(
                f"the write was queued for {self.queued_s_max:g} s, and did not happen"
            ) from None
        finally:
            self._waiting.discard(waiting)

    async def batch(self) -> list[Job[Any]]:
        """Take the next decisions, as soon as there is one."""
        while True:
            jobs = [await self._jobs.get()]
            while len(jobs) < BATCH_MAX and not self._jobs.empty():
                jobs.append(self._jobs.get_nowait())
            if begun := [job for job in jobs if job.begin()]:
                for job in begun:
                    self._waiting.discard(job.waiting)
                return begun

    def refuse_all(self, reason: str) -> None:
        """Refuse all queued decisions."""
        while not self._jobs.empty():
            job = self._jobs.get_nowait()
            job.refusal = NotSynced(f"{reason}; the write did not happen")
            job.settle()

    @contextmanager
    def held(self) -> Generator[None]:
        """Suspend the time limits of queued decisions; they restart after the block."""
        self._is_held = True
        self._reschedule(None)
        try:
            yield
        finally:
            self._is_held = False
            self._reschedule(asyncio.get_running_loop().time() + self.queued_s_max)

    def _reschedule(self, when_s: float | None) -> None:
        for waiting in self._waiting:
            if not waiting.expired():
                waiting.reschedule(when_s)
