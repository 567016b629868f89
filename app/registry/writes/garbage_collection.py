"""Periodic deletion of objects whose grace period has expired or which nothing keeps any more.

The elected leader runs it.  Should two processes run it for a moment, no harm is done: a
decision under the writer's lock that finds nothing due changes nothing.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from app.domain.copies import replace
from app.domain.errors import DomainError
from app.domain.objects.resource import Object
from app.domain.registration.finalizers import lasting_finalizers
from app.domain.registration.strategies import STRATEGIES, strategy_for
from app.domain.registration.strategy import Strategy
from app.domain.resources import STORED
from app.domain.snapshot import Snapshot
from app.domain.work import Work
from app.registry.ports import Writer
from app.registry.reads.view import View
from app.registry.writes import lifecycle

PERIOD_S = 0.5  # seconds between two checks

_log = logging.getLogger(__name__)


def is_due(snapshot: Snapshot, now: datetime) -> bool:
    """Whether a terminating object is due, or may be."""
    return (
        any(True for _ in _expired(snapshot, now))
        or any(True for _ in _postponed(snapshot, now))
        or any(
            snapshot.members("terminating", resource.name)
            for resource, strategy in STRATEGIES.items()
            if strategy.finish_in_time is not None
        )
    )


def remove_due(work: Work) -> None:
    """Delete what is due.

    A grace period that ends later than a full one from now was started before the clock was
    set back: it restarts now.
    """
    for marked in tuple(_expired(work.snapshot, work.now)):
        lifecycle.remove(work, marked)
    for marked in tuple(_postponed(work.snapshot, work.now)):
        meta = replace(marked.metadata, deleted_at=_latest_end(marked, work.now))
        work.put(replace(marked, metadata=meta))
    for strategy in STRATEGIES.values():
        if strategy.finish_in_time is not None:
            strategy.finish_in_time(work)


def _reach(snapshot: Snapshot) -> int:
    """Count the terminating objects, an upper bound of those due."""
    return sum(len(snapshot.members("terminating", kind.name)) for kind in STORED)


async def run(
    view: View, writer: Writer, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> None:
    """Check at intervals, until cancelled."""
    while True:
        await asyncio.sleep(PERIOD_S)
        if not is_due(view.snapshot, now()):
            continue
        try:
            await writer.write(remove_due, reach=_reach(view.snapshot))
        except DomainError as refusal:
            _log.warning("expired objects could not be deleted; retrying: %s", refusal)


def _expired(snapshot: Snapshot, now: datetime) -> Iterator[Object]:
    """List terminating objects with nothing left to wait for, by kind and key.

    These are Pods whose grace period is over, and objects that an earlier version marked for
    a finalizer which no longer counts.
    """
    for marked in _marked(snapshot, lambda strategy: strategy.delete is None):
        at = marked.metadata.deleted_at
        if at is not None and at <= now and not lasting_finalizers(marked):
            yield marked


def _postponed(snapshot: Snapshot, now: datetime) -> Iterator[Object]:
    for marked in _marked(snapshot, lambda strategy: strategy.grace_s is not None):
        at = marked.metadata.deleted_at
        if at is not None and at > _latest_end(marked, now):
            yield marked


def _marked(snapshot: Snapshot, of: Callable[[Strategy[Any]], bool]) -> Iterator[Object]:
    """List the terminating objects of some kinds, those that refer to others first."""
    for resource in reversed(STORED):
        if of(strategy_for(resource)):
            for key in sorted(snapshot.members("terminating", resource.name)):
                yield snapshot.of(resource)[key]


def _latest_end(marked: Object, now: datetime) -> datetime:
    """Give the latest end of a grace period that began by now, to the whole second."""
    return now + timedelta(seconds=(marked.metadata.deletion_grace_s or 0) + 1)
