"""State and history of any size are read completely, and shown in complete revisions."""

from collections.abc import Sequence
from itertools import chain

import pytest
from sqlalchemy import func, text
from sqlalchemy.ext.asyncio import AsyncEngine

from app.domain.changes import Change
from app.domain.names import Revision
from app.domain.snapshot import Snapshot, load
from app.domain.work import Work
from app.registry.reads.view import View
from app.registry.writes import lifecycle
from app.store.change_log import ChangeLogFollower
from app.store.loading import (
    HistoryGone,
    Loaded,
    Piece,
    Reading,
    changes_after,
    load_state,
    pieces,
)
from app.store.tables import changes as log
from tests.builders import a_pod
from tests.databases import connected
from tests.registries import a_registry

REVISIONS = (3, 1, 700, 2)
"""Pods that each revision of the tests creates; one revision exceeds a piece."""


async def filled(url: str, sizes: Sequence[int] = REVISIONS) -> View:
    """Create so many Pods in each revision; gives what the process showed."""
    async with a_registry(url) as registry:
        for number, size in enumerate(sizes):
            await registry.writer.write(lambda work, n=number, s=size: make(work, n, s))
        return registry.view


def make(work: Work, number: int, size: int) -> None:
    for ordinal in range(size):
        lifecycle.create(work, a_pod(f"pod-{number}-{ordinal}", labels={}))


def revisions_of(changes: Sequence[Change]) -> list[int]:
    return sorted({change.revision for change in changes})


async def loaded(engine: AsyncEngine, limits: dict[str, int]) -> Loaded:
    async with engine.connect() as plain:
        connection = await plain.execution_options(isolation_level="REPEATABLE READ")
        return await load_state(connection, **limits)


@pytest.mark.parametrize("changes_max", [1, 2, 3, 4, 100, 10_000])
async def test_catching_up_reads_complete_revisions_and_continues_there(
    database_url: str, changes_max: int
) -> None:
    view = await filled(database_url)
    seen, found = Revision(0), list[Change]()
    async with connected(database_url) as engine, engine.connect() as connection:
        while seen < view.snapshot.revision:
            part = await changes_after(
                connection, seen, upto=view.snapshot.revision, changes_max=changes_max
            )
            last = [change for change in part if change.revision == part[-1].revision]
            assert len(part) - len(last) < changes_max
            found.extend(part)
            seen = part[-1].revision
    assert tuple(found) == view.history(Revision(0))


async def test_a_gap_in_the_history_is_detected_wherever_it_is(database_url: str) -> None:
    view = await filled(database_url)
    last = view.snapshot.revision
    async with connected(database_url) as engine:
        for gone in (1, 2, last):
            async with engine.connect() as connection:
                statement = text("DELETE FROM changes WHERE revision = :gone")
                await connection.execute(statement, {"gone": gone})
                with pytest.raises(HistoryGone):
                    await changes_after(connection, Revision(0), upto=last)
                await connection.rollback()


@pytest.mark.parametrize(
    ("limits", "kept"),
    [
        ({}, 5),
        ({"changes_max": 702}, 2),
        ({"changes_max": 701}, 1),
        ({"changes_max": 1}, 0),
        ({"octets_max": 1}, 0),
        ({"octets_max": 20_000}, 1),
    ],
)
async def test_the_state_is_complete_and_the_history_within_its_limits(
    database_url: str, limits: dict[str, int], kept: int
) -> None:
    view = await filled(database_url)
    async with connected(database_url) as engine:
        found = await loaded(engine, limits)
    last = view.snapshot.revision
    assert same(found.snapshot, view.snapshot)
    assert revisions_of(found.history) == list(range(last - kept + 1, last + 1))
    assert found.compacted == last - kept
    assert found.history == view.history(found.compacted)


async def test_a_follower_reads_a_revision_of_any_size(database_url: str) -> None:
    view = View()
    async with connected(database_url) as engine:
        follower = ChangeLogFollower(engine, view)
        await follower.load()
        shown = await filled(database_url)
        async with engine.connect() as connection:
            while await follower.poll(connection):
                pass
    assert same(view.snapshot, shown.snapshot)


def same(first: Snapshot, second: Snapshot) -> bool:
    """Whether two snapshots are equal, whatever led to them."""
    return first == load(
        [
            *second.namespaces.values(),
            *second.service_cidrs.values(),
            *second.pods.values(),
        ],
        revision=second.revision,
    )


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
        columns=(
            log.c.revision,
            log.c.ordinal,
            log.c.before,
            log.c.after,
        ),
        order=(log.c.revision, log.c.ordinal),
        texts=(log.c.before, log.c.after),
        rows_max=rows_max,
        octets_max=octets_max,
    )
    rows = [
        {"revision": 1 + n // 2, "ordinal": n % 2, "kind": "Pod", "before": None, "after": "x" * s}
        for n, s in enumerate(sizes)
    ]
    async with connected(database_url) as engine, engine.begin() as connection:
        if rows:
            await connection.execute(log.insert(), rows)
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
        columns=(log.c.revision, log.c.after),
        order=(log.c.revision,),
        texts=(log.c.after,),
        where=(func.pg_sleep(300).is_not(None),),
        piece_s_max=0.1,
    )
    row = {"revision": 1, "ordinal": 0, "kind": "Pod", "before": None, "after": "x"}
    async with connected(database_url) as engine:
        async with engine.begin() as connection:
            await connection.execute(log.insert(), [row])
        async with engine.connect() as connection:
            with pytest.raises(TimeoutError):
                await anext(pieces(connection, reading))
