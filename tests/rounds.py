"""Counts of the work that is done in each round of the event loop."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from itertools import pairwise
from typing import TypeVar

T = TypeVar("T")


async def work_a_round(work: Awaitable[T], count: Callable[[], int]) -> tuple[T, list[int]]:
    """Await ``work``; return also the increase of ``count`` in each round of the event loop."""
    running = asyncio.ensure_future(work)
    seen = [count()]
    while not running.done():
        await asyncio.sleep(0)
        seen.append(count())
    return await running, [after - before for before, after in pairwise(seen)]


class CountedLabels(Mapping[str, str]):
    """Labels that count their look-ups, over all objects that share them."""

    def __init__(self, **labels: str) -> None:
        self._labels = labels
        self.looked_up = 0

    def __getitem__(self, key: str) -> str:
        self.looked_up += 1
        return self._labels[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._labels)

    def __len__(self) -> int:
        return len(self._labels)
