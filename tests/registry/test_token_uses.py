"""Last uses of tokens: the latest of all processes, to the minute, lost by no failure."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import NotSynced
from app.domain.registration.access.tokens import ENDED_KEPT
from app.registry import token_expiry
from app.registry.token_uses import TokenUses
from tests.builders import NOON, a_token
from tests.registry.worlds import World

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
A, B = "aaaaaaaaaaaa", "bbbbbbbbbbbb"


class SharedUses:
    """The table of all processes, which can be out of reach."""

    def __init__(self) -> None:
        self.uses: dict[str, datetime] = {}
        self.saves = 0
        self.is_reachable = True
        self.is_tidied = False

    async def save(self, uses: Mapping[str, datetime]) -> None:
        self._require()
        self.saves += 1
        for token, at in uses.items():
            self.uses[token] = max(at, self.uses.get(token, at))

    async def load(self) -> Mapping[str, datetime]:
        self._require()
        return dict(self.uses)

    async def forget_orphans(self) -> None:
        self._require()
        self.is_tidied = True

    def _require(self) -> None:
        if not self.is_reachable:
            raise NotSynced("out of reach")


def a_world() -> World:
    return World(a_token(id=A), a_token(id=B))


def used_at(uses: TokenUses, token: str) -> datetime | None:
    return uses.shown(a_token(id=token)).last_used_at


@given(st.lists(st.tuples(st.integers(0, 1), st.sampled_from((A, B)), st.integers(0, 300))))
async def test_every_process_shows_the_latest_use_of_all_to_the_minute(
    steps: list[tuple[int, str, int]],
) -> None:
    world, shared = a_world(), SharedUses()
    processes = [TokenUses(world.view, shared) for _ in range(2)]
    latest: dict[str, datetime] = {}
    for place, token, second in steps:
        at = NOON + second * SECOND
        processes[place].record(token, at)
        latest[token] = max(latest.get(token, at), at)
    for process in (*processes, *processes):
        await process.exchange()
    for process in processes:
        for token in (A, B):
            expected = latest.get(token)
            assert used_at(process, token) == (expected and expected.replace(second=0))


async def test_uses_within_a_minute_are_saved_once_for_all_tokens() -> None:
    world, shared = a_world(), SharedUses()
    uses = TokenUses(world.view, shared)
    for second in range(60):
        uses.record(A, NOON + second * SECOND)
        uses.record(B, NOON + second * SECOND)
    for _ in range(3):
        await uses.exchange()
    assert shared.saves == 1
    uses.record(A, NOON + MINUTE)
    await uses.exchange()
    assert shared.saves == 2
    assert shared.uses == {A: NOON + MINUTE, B: NOON}


async def test_what_cannot_be_saved_is_kept_for_the_next_time() -> None:
    world, shared = a_world(), SharedUses()
    uses = TokenUses(world.view, shared)
    uses.record(A, NOON)
    shared.is_reachable = False
    with pytest.raises(NotSynced):
        await uses.exchange()
    uses.record(B, NOON)
    shared.is_reachable = True
    await uses.exchange()
    assert shared.uses == {A: NOON, B: NOON}


async def test_tokens_that_are_gone_are_forgotten() -> None:
    world, shared = World(a_token(id=A)), SharedUses()
    uses = TokenUses(world.view, shared)
    uses.record(A, NOON)
    uses.record(B, NOON)
    await uses.exchange()
    assert used_at(uses, B) is None
    assert used_at(uses, A) == NOON


async def test_the_last_uses_are_saved_when_the_process_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world, shared = a_world(), SharedUses()
    shared.is_reachable = False
    uses = TokenUses(world.view, shared, save_s=0)
    saving = asyncio.create_task(uses.exchange_periodically())
    for _ in range(20):
        await asyncio.sleep(0)
    assert [each.getMessage() for each in caplog.records] == [
        "uses of tokens are kept in memory: out of reach"
    ]
    uses.record(A, NOON)
    shared.is_reachable = True
    saving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await saving
    assert shared.uses == {A: NOON}


async def test_ended_tokens_are_removed_with_their_uses_and_nothing_is_written_without() -> None:
    world, shared = World(), SharedUses()
    world.create(a_token(id=A, expires_at=world.writer.now + MINUTE))
    revision = world.snapshot.revision
    await token_expiry.remove(world.writer, shared)
    assert (world.snapshot.revision, shared.is_tidied) == (revision, False)
    world.writer.now += MINUTE + ENDED_KEPT
    await token_expiry.remove(world.writer, shared)
    assert (world.snapshot.revision, shared.is_tidied) == (revision + 1, True)


async def test_a_failure_to_remove_is_logged_and_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world, shared = World(), SharedUses()
    world.create(a_token(id=A, expires_at=world.writer.now + MINUTE))
    world.writer.now += MINUTE + ENDED_KEPT
    shared.is_reachable = False
    running = asyncio.create_task(token_expiry.run(world.writer, shared, period_s=0))
    for _ in range(5):
        await asyncio.sleep(0)
    assert "ended tokens could not be removed; retrying: out of reach" in caplog.text
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
