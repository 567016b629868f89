"""Last uses of tokens of all processes are in one table, the latest of each."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta

import pytest

from app.domain.errors import NotSynced
from app.store.engine import make_engine
from app.store.token_uses import PostgresTokenUses
from tests.databases import connected

AT = datetime(2026, 5, 6, 7, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def store(database_url: str) -> AsyncGenerator[PostgresTokenUses, None]:
    async with connected(database_url) as engine:
        yield PostgresTokenUses(engine)


async def test_saved_uses_are_loaded(store: PostgresTokenUses) -> None:
    assert await store.load() == {}
    await store.save({"a": AT, "b": AT + MINUTE})
    assert await store.load() == {"a": AT, "b": AT + MINUTE}


async def test_an_earlier_use_does_not_replace_a_later_one(store: PostgresTokenUses) -> None:
    await store.save({"a": AT, "b": AT})
    await store.save({"a": AT - MINUTE, "b": AT + MINUTE})
    assert await store.load() == {"a": AT, "b": AT + MINUTE}


async def test_processes_that_save_the_same_tokens_do_not_deadlock(database_url: str) -> None:
    names = [f"t{number}" for number in range(500)]
    async with connected(database_url) as here, connected(database_url) as there:
        stores = PostgresTokenUses(here), PostgresTokenUses(there)
        for minute in range(5):
            at = AT + minute * MINUTE
            await asyncio.gather(
                stores[0].save(dict.fromkeys(names, at)),
                stores[1].save(dict.fromkeys(reversed(names), at)),
            )
        assert set((await stores[0].load()).values()) == {AT + 4 * MINUTE}


async def test_a_database_that_is_away_is_told_as_such() -> None:
    engine = make_engine("postgresql://nobody@127.0.0.1:1/none")
    store = PostgresTokenUses(engine)
    for work in (store.save({"a": AT}), store.load(), store.forget_orphans()):
        with pytest.raises(NotSynced, match="uses of tokens cannot be exchanged"):
            await work
    await engine.dispose()
