"""Of the long work of many tasks, each round of the event loop does one piece."""

import asyncio

import pytest

from app.registry.turns import Turns
from tests.rounds import work_a_round


async def test_however_many_tasks_there_are_a_round_does_one_piece_of_each_in_turn() -> None:
    turns, done = Turns(), list[int]()

    async def work(number: int) -> None:
        for _ in range(3):
            async with turns:
                done.append(number)

    everybody = asyncio.gather(*(work(number) for number in range(20)))
    _, rounds = await work_a_round(everybody, lambda: len(done))
    assert max(rounds) == 1
    assert done == 3 * list(range(20))


async def test_a_piece_that_fails_ends_its_turn() -> None:
    turns = Turns()
    with pytest.raises(ZeroDivisionError):
        async with turns:
            raise ZeroDivisionError
    async with asyncio.timeout(1), turns:
        pass
