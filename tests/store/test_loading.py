"""State and history of any size are read completely, and shown in complete revisions."""

from collections.abc import Sequence

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from app.domain.changes import Change
from app.domain.names import Revision
from app.domain.snapshot import Snapshot, load
from app.domain.work import Work
from app.registry.reads.view import View
from app.registry.writes import lifecycle
from app.store.change_log import ChangeLogFollower
from app.store.loading import HistoryGone, HistoryLimits, Loaded, changes_after, load_state
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


async def loaded(engine: AsyncEngine, limits: HistoryLimits) -> Loaded:
    async with engine.connect() as plain:
        connection = await plain.execution_options(isolation_level="REPEATABLE READ")
        return await load_state(connection, limits)


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
        (HistoryLimits(), 5),
        (HistoryLimits(changes_max=702), 2),
        (HistoryLimits(changes_max=701), 1),
        (HistoryLimits(changes_max=1), 0),
        (HistoryLimits(octets_max=1), 0),
        (HistoryLimits(octets_max=20_000), 1),
    ],
)
async def test_the_state_is_complete_and_the_history_within_its_limits(
    database_url: str, limits: HistoryLimits, kept: int
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
