"""Each iteration of the event loop does one piece of long work, however many tasks there are."""

import asyncio

import pytest

from app.registry.yielding_lock import YieldingLock
from tests.rounds import work_a_round


async def test_many_tasks_do_one_piece_per_loop_iteration_in_turn() -> None:
    lock, done = YieldingLock(), list[int]()

    async def work(number: int) -> None:
        for _ in range(3):
            async with lock:
                done.append(number)

    all_tasks = asyncio.gather(*(work(number) for number in range(20)))
    _, rounds = await work_a_round(all_tasks, lambda: len(done))
    assert max(rounds) == 1
    assert done == 3 * list(range(20))


async def test_a_piece_that_fails_releases_the_lock() -> None:
    lock = YieldingLock()
    with pytest.raises(ZeroDivisionError):
        async with lock:
            raise ZeroDivisionError
    async with asyncio.timeout(1), lock:
        pass
