"""Read the whole state at one revision, and the changes that come after another.

database -> Loaded(snapshot, history, compacted)
database, revision -> changes after it, in order
database, View -> whether one is a past of the other
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.changes import Change
from app.domain.names import Revision
from app.domain.snapshot import Snapshot, load
from app.registry.view import View
from app.store.mapping import change_of, change_rows, object_of
from app.store.tables import changes, counter, objects

REVISIONS_A_READ = 1_000  # revisions fetched at a time when catching up
HISTORY_REVISIONS = 10_000  # revisions of history read along with the state


class HistoryGone(Exception):
    """Changes that were asked for have been compacted away."""


class Forked(Exception):
    """The database's history is another than the one this process has seen."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A consistent state, and the history from ``compacted`` up to it."""

    snapshot: Snapshot
    history: tuple[Change, ...]
    compacted: Revision


async def load_state(connection: AsyncConnection) -> Loaded:
    """Read everything in one repeatable-read transaction, which the caller has begun.

    The transaction ends before the indexes are made: that may take longer than the
    server lets a transaction be idle.
    """
    row = (await connection.execute(select(counter))).one()
    since = max(row.compacted, row.revision - HISTORY_REVISIONS)
    result = await connection.stream(select(objects.c.kind, objects.c.body))
    found = [object_of(kind, body) async for kind, body in result]
    history = await changes_after(connection, Revision(since), upto=Revision(row.revision))
    await connection.rollback()
    return Loaded(load(found, revision=Revision(row.revision)), history, Revision(since))


async def load_kinds(connection: AsyncConnection, kinds: Iterable[str]) -> Snapshot:
    """Read the objects of some kinds, for a tool that asks about those alone."""
    wanted = objects.c.kind.in_(tuple(kinds))
    rows = await connection.execute(select(objects.c.kind, objects.c.body).where(wanted))
    revision = (await connection.execute(select(counter.c.revision))).scalar_one()
    return load((object_of(kind, body) for kind, body in rows), revision=Revision(revision))


async def changes_after(
    connection: AsyncConnection, since: Revision, *, upto: Revision
) -> tuple[Change, ...]:
    """Read the changes of the revisions after ``since`` up to ``upto``, in order.

    Raises HistoryGone when some have been compacted away, be it this moment.
    """
    found: list[Change] = []
    for first in range(since, upto, REVISIONS_A_READ):
        last = min(first + REVISIONS_A_READ, upto)
        rows = await connection.execute(_between(first, last))
        found.extend(change_of(row) for row in rows)
    if len({change.revision for change in found}) != max(0, upto - since):
        raise HistoryGone(f"the changes after revision {since} are no longer kept")
    return tuple(found)


async def require_agreement(
    connection: AsyncConnection, view: View, seen: Revision, row: "Row[*tuple[Any, ...]]"
) -> None:
    """Make sure that what ``view`` showed is a past of the database.

    ``row`` is the counter, read after ``seen`` was the view's revision.  Raises
    HistoryGone when the view is too old to be told what came after it, and
    Forked when it is no past of this database at all: a standby was promoted
    that had not received everything.
    """
    if seen > row.revision:
        raise Forked(f"revision {seen} was seen, and the database is at {row.revision}")
    if seen < row.compacted:
        raise HistoryGone(f"the changes after revision {seen} are no longer kept")
    # A connection stays with one server, so looking once is enough.
    if _AGREES not in connection.info:
        if not await _agrees(connection, view, seen):
            raise Forked(f"the database has another revision {seen} than the one that was seen")
        connection.info[_AGREES] = True


def is_known_to_agree(connection: AsyncConnection) -> bool:
    """Whether ``require_agreement`` has passed on this very connection."""
    return _AGREES in connection.info


async def _agrees(connection: AsyncConnection, view: View, seen: Revision) -> bool:
    if seen <= view.compacted:
        return True  # what led to the revision is not remembered
    last = (change for change in view.history(Revision(seen - 1)) if change.revision == seen)
    ours = [(row["kind"], row["before"], row["after"]) for row in change_rows(last)]
    rows = await connection.execute(_between(seen - 1, seen))
    return ours == [(row.kind, row.before, row.after) for row in rows]


_AGREES = "waypost agrees"


def _between(after: int, upto: int) -> "Select[Any, Any, Any, Any]":
    return (
        select(changes.c.revision, changes.c.kind, changes.c.before, changes.c.after)
        .where(changes.c.revision > after, changes.c.revision <= upto)
        .order_by(changes.c.revision, changes.c.ordinal)
    )
