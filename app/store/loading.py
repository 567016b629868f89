"""Reads the whole state at one revision, and the changes after a revision.

database -> Loaded(snapshot, history, compacted)
database, revision -> changes after it, in order
database, View -> whether they share their history

Tables of any size are read in pieces of bounded time and memory.  A piece is at least one row,
however large that is.  Between two pieces the event loop runs, and inside a transaction the next
statement follows soon: the server ends idle transactions (``store.engine``).
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, func, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.changes import Change
from app.domain.names import REVISION_ZERO, Revision
from app.domain.objects.resource import Object
from app.domain.resources import resource_of
from app.domain.snapshot import Snapshot, load
from app.registry.reads.view import View
from app.schemas.objects.codec import decode_stored
from app.store.collector import only_young_collected
from app.store.mapping import Known, change_of, change_rows
from app.store.tables import AnyRow, changes, counter, objects

CHANGES_A_READ = 2_000  # changes after which catching up shows them, in complete revisions
ROWS_A_PIECE = 256  # about ten milliseconds of decoding
OCTETS_A_PIECE = 1 << 20  # of the texts in it
PIECE_S_MAX = 10.0  # seconds to receive a piece; a server that takes longer is unreachable
HISTORY_CHANGES_MAX = 10_000  # changes of the history that is read with the state
HISTORY_OCTETS_MAX = 16 << 20  # of their texts
COMPARED_MAX = 64  # changes by which two histories are compared


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A query: ``order`` is a unique key, ``texts`` are the columns whose size counts."""

    columns: Sequence[ColumnElement[Any]]
    order: Sequence[ColumnElement[Any]]
    texts: Sequence[ColumnElement[Any]]
    where: Sequence[ColumnElement[bool]] = ()
    rows_max: int = ROWS_A_PIECE
    octets_max: int = OCTETS_A_PIECE
    piece_s_max: float = PIECE_S_MAX


Piece = Sequence[AnyRow]


async def rows_of(connection: AsyncConnection, reading: Reading) -> AsyncGenerator[AnyRow, None]:
    """Read all rows in order, a piece at a time; raises TimeoutError as ``pieces`` does."""
    async for piece in pieces(connection, reading):
        for row in piece:
            yield row


async def pieces(connection: AsyncConnection, reading: Reading) -> AsyncGenerator[Piece, None]:
    """Read all rows in order, a piece at a time; each is one statement.

    Raises TimeoutError when one takes too long; the caller's time with a piece does not count.
    """
    statement, after = _piece(reading, is_first=True), dict[str, Any]()
    following = _piece(reading, is_first=False)  # written once, for any number of pieces
    while True:
        async with asyncio.timeout(reading.piece_s_max):
            rows = (await connection.execute(statement, after)).all()
        if not rows:
            return
        yield rows
        statement = following
        after = {_after(column): getattr(rows[-1], str(column.key)) for column in reading.order}


def _after(column: ColumnElement[Any]) -> str:
    """Name the parameter that has a column's value in the last row that was read."""
    return f"after_{column.key}"


def _piece(reading: Reading, *, is_first: bool) -> "Select[*tuple[Any, ...]]":
    """Select the first rows, or those after the last one, within the octets, at least one."""
    octets = sum(
        (func.coalesce(func.octet_length(text), 0) for text in reading.texts), start=literal(0)
    )
    found = select(*reading.columns, octets.label("octets")).where(*reading.where)
    if not is_first:
        last = [bindparam(_after(column), type_=column.type) for column in reading.order]
        found = found.where(tuple_(*reading.order) > tuple_(*last))
    rows = found.order_by(*reading.order).limit(reading.rows_max).subquery()
    order = [rows.c[str(column.key)] for column in reading.order]
    total = func.sum(rows.c.octets).over(order_by=order).label("total")
    running = select(rows, total).subquery()
    return (
        select(*(running.c[str(column.key)] for column in reading.columns))
        .where(running.c.total - running.c.octets < reading.octets_max)
        .order_by(*(running.c[str(column.key)] for column in reading.order))
    )


class HistoryGone(Exception):
    """Requested changes have been compacted."""


class Forked(Exception):
    """The database's history differs from the one that this process has seen."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A consistent state, and the history from ``compacted`` up to it."""

    snapshot: Snapshot
    history: tuple[Change, ...]
    compacted: Revision


async def load_state(
    connection: AsyncConnection,
    *,
    changes_max: int = HISTORY_CHANGES_MAX,
    octets_max: int = HISTORY_OCTETS_MAX,
) -> Loaded:
    """Read everything in one repeatable-read transaction, which the caller has begun.

    History is read within ``changes_max`` and ``octets_max``; watches that resume from before it
    have to list again.

    The transaction ends before a thread makes the indexes, which may take longer than the
    server allows an idle transaction.
    """
    row = (await connection.execute(select(counter))).one()
    since = max(
        Revision(row.compacted), await _history_begins_after(connection, changes_max, octets_max)
    )
    revision, found, recent = Revision(row.revision), list[Object](), Known()
    with only_young_collected():
        async for stored in stored_objects(connection):
            found.append(decode_stored(stored.kind, stored.body))
            if stored.revision > since:  # the history has the same body
                recent[stored.body] = found[-1]
        history = await changes_after(
            connection, since, upto=revision, changes_max=changes_max + 1, known=recent
        )
        await connection.rollback()
        snapshot = await asyncio.to_thread(load, found, revision=revision)
    return Loaded(snapshot, history, since)


def stored_objects(
    connection: AsyncConnection, kinds: Iterable[str] = ()
) -> AsyncGenerator[AnyRow, None]:
    """Read the rows of every object, or of those of some kinds, by kind and key."""
    key = (objects.c.kind, objects.c.namespace, objects.c.name)
    wanted = tuple(kinds)
    where = (objects.c.kind.in_(wanted),) if wanted else ()
    reading = Reading(
        columns=(*key, objects.c.revision, objects.c.body),
        order=key,
        texts=(objects.c.body,),
        where=where,
    )
    return rows_of(connection, reading)


async def objects_of(
    connection: AsyncConnection, kinds: Iterable[str] = ()
) -> AsyncGenerator[Object, None]:
    """Read every object, or those of some kinds, by kind and key."""
    async for row in stored_objects(connection, kinds):
        yield decode_stored(row.kind, row.body)


async def load_kinds(connection: AsyncConnection, kinds: Iterable[str]) -> Snapshot:
    """Read only the objects of some kinds, for a command that needs no others."""
    revision = (await connection.execute(select(counter.c.revision))).scalar_one()
    found = [each async for each in objects_of(connection, kinds)]
    return load(found, revision=Revision(revision))


async def changes_after(
    connection: AsyncConnection,
    since: Revision,
    *,
    upto: Revision,
    changes_max: int = CHANGES_A_READ,
    known: Known | None = None,
) -> tuple[Change, ...]:
    """Read the changes of the revisions after ``since`` up to ``upto``, in order.

    Objects that are ``known`` by their bodies are not decoded again.

    Ends before ``upto`` with the revision that reaches ``changes_max``, so that the caller
    can show these and read on.  Raises HistoryGone when some have been compacted, even while
    reading.
    """
    found, held = list[Change](), Known() if known is None else known
    reading = Reading(
        columns=_CHANGE,
        order=(changes.c.revision, changes.c.ordinal),
        texts=(changes.c.before, changes.c.after),
        where=(changes.c.revision > since, changes.c.revision <= upto),
    )
    async with aclosing(rows_of(connection, reading)) as rows:
        async for row in rows:
            seen = found[-1].revision if found else since
            if row.revision != seen:
                if len(found) >= changes_max:
                    return tuple(found)
                _require_next(row.revision, seen)
            found.append(change_of(row, held))
    _require_next(upto + 1, found[-1].revision if found else min(since, upto))
    return tuple(found)


def _require_next(revision: int, seen: int) -> None:
    """Raise HistoryGone when a revision is missing; each has at least one change."""
    if revision != seen + 1:
        raise HistoryGone(f"the changes after revision {seen} are no longer kept")


async def _history_begins_after(
    connection: AsyncConnection, changes_max: int, octets_max: int
) -> Revision:
    """Find the newest revision that exceeds the limits together with those after it."""
    octets = func.coalesce(func.octet_length(changes.c.before), 0) + func.coalesce(
        func.octet_length(changes.c.after), 0
    )
    newest_first = (changes.c.revision.desc(), changes.c.ordinal.desc())
    newest = (
        select(changes.c.revision, changes.c.ordinal, octets.label("octets"))
        .order_by(*newest_first)
        .limit(changes_max + 1)
        .subquery()
    )
    order = (newest.c.revision.desc(), newest.c.ordinal.desc())
    running = select(
        newest.c.revision,
        func.row_number().over(order_by=order).label("changes"),
        func.sum(newest.c.octets).over(order_by=order).label("octets"),
    ).subquery()
    is_too_much = (running.c.changes > changes_max) | (running.c.octets > octets_max)
    beyond = await connection.scalar(select(func.max(running.c.revision)).where(is_too_much))
    return Revision(beyond or REVISION_ZERO)


async def require_agreement(
    connection: AsyncConnection, view: View, seen: Revision, row: AnyRow
) -> None:
    """Check that the state of ``view`` belongs to the history of the database.

    ``row`` is the counter, read after ``seen`` was the view's revision.  Raises HistoryGone
    when the changes after it are compacted, and Forked when it never was a state of this
    database: a standby without the last commits was promoted.
    """
    if seen > row.revision:
        raise Forked(f"the view is at revision {seen}, but the database at {row.revision}")
    if seen < row.compacted:
        raise HistoryGone(f"the changes after revision {seen} are no longer kept")
    # A connection stays with one server, so one check is enough.
    if _AGREES not in connection.info:
        if not await _agrees(connection, view, seen):
            raise Forked(f"the database has other changes at revision {seen} than the view")
        connection.info[_AGREES] = True


def is_known_to_agree(connection: AsyncConnection) -> bool:
    """Whether ``require_agreement`` has passed on this connection."""
    return _AGREES in connection.info


async def _agrees(connection: AsyncConnection, view: View, seen: Revision) -> bool:
    if seen <= view.compacted:
        return True  # the changes of the revision are not known any more
    last = [
        change
        for change in view.history(Revision(seen - 1))
        if change.revision == seen and not resource_of(change.object).is_derived
    ]
    ours = [(row["kind"], row["before"], row["after"]) for row in change_rows(last[:COMPARED_MAX])]
    of_it = changes.c.revision == seen
    first = select(*_CHANGE).where(of_it).order_by(changes.c.ordinal).limit(COMPARED_MAX)
    rows = (await connection.execute(first)).all()
    count = await connection.scalar(select(func.count()).where(of_it))
    return count == len(last) and ours == [(row.kind, row.before, row.after) for row in rows]


_AGREES = "waypost agrees"
_CHANGE = (
    changes.c.revision,
    changes.c.ordinal,
    changes.c.kind,
    changes.c.before,
    changes.c.after,
)
