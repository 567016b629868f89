"""Read the whole state at one revision, and the changes that come after another.

database -> Loaded(snapshot, history, compacted)
database, revision -> changes after it, in order
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.changes import Change
from app.domain.names import Revision
from app.domain.snapshot import Snapshot, load
from app.store.mapping import change_of, object_of
from app.store.tables import changes, counter, objects

REVISIONS_A_READ = 1_000  # revisions fetched at a time when catching up
HISTORY_REVISIONS = 10_000  # revisions of history read along with the state


class HistoryGone(Exception):
    """Changes that were asked for have been compacted away."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A consistent state, and the history from ``compacted`` up to it."""

    snapshot: Snapshot
    history: tuple[Change, ...]
    compacted: Revision


async def load_state(connection: AsyncConnection) -> Loaded:
    """Read everything in one repeatable-read transaction, which the caller has begun."""
    row = (await connection.execute(select(counter))).one()
    since = max(row.compacted, row.revision - HISTORY_REVISIONS)
    result = await connection.stream(select(objects.c.kind, objects.c.body))
    found = [object_of(kind, body) async for kind, body in result]
    history = await changes_after(connection, Revision(since), upto=Revision(row.revision))
    return Loaded(load(found, revision=Revision(row.revision)), history, Revision(since))


async def changes_after(
    connection: AsyncConnection, since: Revision, *, upto: Revision
) -> tuple[Change, ...]:
    """Read the changes of the revisions after ``since`` up to ``upto``, in order.

    Raises HistoryGone when some have been compacted away, be it this moment.
    """
    found: list[Change] = []
    if since < upto and await _oldest(connection) > since + 1:
        raise HistoryGone(f"the changes after revision {since} are no longer kept")
    for first in range(since, upto, REVISIONS_A_READ):
        last = min(first + REVISIONS_A_READ, upto)
        rows = await connection.execute(_between(first, last))
        found.extend(change_of(row) for row in rows)
    return tuple(found)


async def _oldest(connection: AsyncConnection) -> int:
    return await connection.scalar(select(func.min(changes.c.revision))) or 0


def _between(after: int, upto: int) -> "Select[Any, Any, Any, Any]":
    return (
        select(changes.c.revision, changes.c.kind, changes.c.before, changes.c.after)
        .where(changes.c.revision > after, changes.c.revision <= upto)
        .order_by(changes.c.revision, changes.c.ordinal)
    )
