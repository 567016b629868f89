"""What falls due with time: the ends of grace periods, and what nothing holds any more.

One process of all runs it; should two for a moment, a decision under the writer's
lock that finds nothing due changes nothing.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime

from app.domain.errors import DomainError
from app.domain.objects.kinds import KINDS, SERVICE_CIDR
from app.domain.snapshot import Snapshot
from app.registry import removal, service_cidrs
from app.registry.ports import Writer
from app.registry.reads.view import View
from app.registry.work import Work

PERIOD_S = 0.5  # seconds between looks at what is due

_log = logging.getLogger(__name__)


def is_due(snapshot: Snapshot, now: datetime) -> bool:
    """Whether anything that is terminating has reached its end."""
    return bool(snapshot.members("terminating", SERVICE_CIDR.name)) or removal.is_due(snapshot, now)


def remove_due(work: Work) -> None:
    """Take out what has reached its end."""
    removal.remove_expired(work)
    service_cidrs.finish_retired(work)


def _reach(snapshot: Snapshot) -> int:
    """Tell how many objects may be due."""
    return sum(len(snapshot.members("terminating", kind.name)) for kind in KINDS)


async def run(
    view: View, writer: Writer, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> None:
    """Look again and again, until cancelled."""
    while True:
        await asyncio.sleep(PERIOD_S)
        if not is_due(view.snapshot, now()):
            continue
        try:
            await writer.write(remove_due, reach=_reach(view.snapshot))
        except DomainError as refusal:
            _log.warning("what is due could not be removed yet: %s", refusal)
