"""Releases and allocations of a batch, in any order, and writes in parts."""

from dataclasses import replace
from uuid import uuid4

import pytest
from asyncpg import UniqueViolationError
from sqlalchemy import text

from app.domain.changes import Change
from app.domain.names import REVISION_ZERO, Revision, Uid
from app.domain.objects.service import Service
from app.store.mapping import addresses_held
from app.store.saving import OCTETS_A_PART, moves, save
from tests.builders import a_meta, a_pod, a_service, key
from tests.databases import connected


def holding(name: str, *addresses: str) -> Service:
    return a_service(name, cluster_ip=addresses[0], cluster_ips=addresses)


def step(before: Service | None, after: Service | None, revision: int = 1) -> Change:
    return Change(revision=Revision(revision), before=before, after=after)


def test_an_address_moves_within_one_write_in_either_order() -> None:
    leaves = step(holding("a", "10.96.0.20"), None)
    takes = step(None, holding("b", "10.96.0.20"))
    for changes in ((leaves, takes), (takes, leaves)):
        released, taken = moves(changes, addresses_held)
        assert released == [("10.96.0.20", key("a"))]
        assert taken == {"10.96.0.20": key("b")}


def test_an_address_that_is_taken_and_released_again_is_free() -> None:
    made = holding("a", "10.96.0.20")
    released, taken = moves((step(None, made), step(made, None, 2)), addresses_held)
    assert released == [("10.96.0.20", key("a"))]
    assert taken == {}


def test_an_address_that_stays_is_neither_released_nor_taken() -> None:
    before, after = holding("a", "10.96.0.20"), holding("a", "10.96.0.20", "fd00:10:96::20")
    released, taken = moves((step(before, after),), addresses_held)
    assert released == []
    assert taken == {"fd00:10:96::20": key("a")}


def large_changes(count: int) -> list[Change]:
    """Make changes whose texts fill about three parts of each table."""
    annotations = {"a": "x" * (3 * OCTETS_A_PART // count)}
    pods = [a_pod(metadata=a_meta(f"p{n}", annotations=annotations)) for n in range(count)]
    return [at(Change(revision=Revision(1), before=None, after=pod), 1) for pod in pods]


async def written(url: str) -> tuple[int, int, list[int]]:
    """Give the counter, the number of objects, and the ordinals in the log."""
    async with connected(url) as engine, engine.connect() as connection:
        revision = await connection.scalar(text("SELECT revision FROM counter"))
        objects = await connection.scalar(text("SELECT count(*) FROM objects"))
        ordinals = await connection.scalars(text("SELECT ordinal FROM changes ORDER BY ordinal"))
        return int(revision or 0), int(objects or 0), list(ordinals)


async def test_parts_are_written_as_one_commit(database_url: str) -> None:
    decided = large_changes(30)
    async with connected(database_url) as engine, engine.connect() as connection:
        assert await save(connection, decided, {}, after=REVISION_ZERO)
    assert await written(database_url) == (1, 30, list(range(30)))


async def test_no_part_is_written_when_the_counter_has_another_revision(database_url: str) -> None:
    async with connected(database_url) as engine, engine.connect() as connection:
        assert not await save(connection, large_changes(30), {}, after=Revision(7))
    assert await written(database_url) == (0, 0, [])


async def test_no_part_is_written_when_one_of_them_is_refused(database_url: str) -> None:
    first, second = (
        Change(revision=REVISION_ZERO, before=None, after=holding(name, "10.96.0.20"))
        for name in ("a", "b")
    )
    async with connected(database_url) as engine, engine.connect() as connection:
        assert await save(connection, [at(first, 1)], {}, after=REVISION_ZERO)
        refused = [at(change, 2) for change in (*large_changes(30), second)]
        with pytest.raises(UniqueViolationError):
            await save(connection, refused, {}, after=Revision(1))
    assert await written(database_url) == (1, 1, [0])


def at(change: Change, revision: int) -> Change:
    assert change.after is not None
    meta = replace(change.after.metadata, revision=Revision(revision), uid=Uid(str(uuid4())))
    after = replace(change.after, metadata=meta)
    return Change(revision=Revision(revision), before=None, after=after)
