"""Pieces make up the whole, in order, and are bounded."""

from itertools import chain

import pytest
from sqlalchemy import func

from app.store.pieces import Piece, Reading, pieces
from app.store.tables import changes
from tests.databases import connected

SIZES = (
    (),
    (5,),
    (5, 5, 5, 5, 5, 5, 5),
    (1_000, 1, 1, 1, 1_000, 1_000),
    (1, 1, 1, 1_000),
    (0, 0, 0, 0, 0, 0, 0, 0, 0),
)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize(("rows_max", "octets_max"), [(1, 10), (3, 10), (3, 1_500), (100, 1)])
async def test_pieces_make_up_the_whole_in_order_within_their_bounds(
    database_url: str, sizes: tuple[int, ...], rows_max: int, octets_max: int
) -> None:
    reading = Reading(
        columns=(changes.c.revision, changes.c.ordinal, changes.c.before, changes.c.after),
        order=(changes.c.revision, changes.c.ordinal),
        texts=(changes.c.before, changes.c.after),
        rows_max=rows_max,
        octets_max=octets_max,
    )
    rows = [
        {"revision": 1 + n // 2, "ordinal": n % 2, "kind": "Pod", "before": None, "after": "x" * s}
        for n, s in enumerate(sizes)
    ]
    async with connected(database_url) as engine, engine.begin() as connection:
        if rows:
            await connection.execute(changes.insert(), rows)
        found = [piece async for piece in pieces(connection, reading)]
    assert [(r.revision, r.ordinal, len(r.after)) for r in chain.from_iterable(found)] == [
        (row["revision"], row["ordinal"], size) for row, size in zip(rows, sizes, strict=True)
    ]
    assert all(1 <= len(piece) <= rows_max for piece in found)
    assert all(octets_of(piece[:-1]) < octets_max for piece in found)


def octets_of(piece: Piece) -> int:
    return sum(len(row.after) for row in piece)


async def test_a_piece_that_takes_too_long_times_out(database_url: str) -> None:
    reading = Reading(
        columns=(changes.c.revision, changes.c.after),
        order=(changes.c.revision,),
        texts=(changes.c.after,),
        where=(func.pg_sleep(300).is_not(None),),
        piece_s_max=0.1,
    )
    row = {"revision": 1, "ordinal": 0, "kind": "Pod", "before": None, "after": "x"}
    async with connected(database_url) as engine:
        async with engine.begin() as connection:
            await connection.execute(changes.insert(), [row])
        async with engine.connect() as connection:
            with pytest.raises(TimeoutError):
                await anext(pieces(connection, reading))
