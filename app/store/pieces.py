"""Tables of any size, read in pieces of bounded time and memory.

    columns, order, bounds -> pieces of rows, each at most so many rows and octets

A piece is at least one row, however large that is.  Between two pieces the event loop runs,
and inside a transaction the next statement follows soon: the server ends idle transactions
(``store.engine``).
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from app.store.tables import AnyRow

ROWS_A_PIECE = 256  # about ten milliseconds of decoding
OCTETS_A_PIECE = 1 << 20  # of the texts in it
PIECE_S_MAX = 10.0  # seconds to receive a piece; a server that takes longer is unreachable


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
    after: tuple[Any, ...] | None = None
    while True:
        async with asyncio.timeout(reading.piece_s_max):
            rows = (await connection.execute(_piece(reading, after))).all()
        if not rows:
            return
        yield rows
        after = tuple(getattr(rows[-1], str(column.key)) for column in reading.order)


def _piece(reading: Reading, after: "tuple[Any, ...] | None") -> "Select[*tuple[Any, ...]]":
    """Select the next rows within the octets, at least one."""
    octets = sum(
        (func.coalesce(func.octet_length(text), 0) for text in reading.texts), start=literal(0)
    )
    found = select(*reading.columns, octets.label("octets")).where(*reading.where)
    if after is not None:
        found = found.where(tuple_(*reading.order) > tuple_(*map(literal, after)))
    rows = found.order_by(*reading.order).limit(reading.rows_max).subquery()
    order = [rows.c[str(column.key)] for column in reading.order]
    total = func.sum(rows.c.octets).over(order_by=order).label("total")
    running = select(rows, total).subquery()
    return (
        select(*(running.c[str(column.key)] for column in reading.columns))
        .where(running.c.total - running.c.octets < reading.octets_max)
        .order_by(*(running.c[str(column.key)] for column in reading.order))
    )
