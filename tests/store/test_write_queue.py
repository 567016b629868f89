"""Decisions are queued in order, for a bounded time, and all are answered."""

import asyncio

import pytest

from app.domain.errors import NotSynced
from app.domain.work import Work
from app.store.write_queue import BATCH_MAX, QUEUE_MAX, WriteQueue


def decide(_: Work) -> str:
    return "decided"


async def rounds(count: int = 10) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def a_queue(*, queued_s_max: float = 60) -> WriteQueue:
    queue = WriteQueue()
    queue.queued_s_max = queued_s_max
    return queue


async def test_a_batch_is_taken_in_order_of_arrival() -> None:
    queue = a_queue()
    waiting = [asyncio.ensure_future(queue.answered(decide)) for _ in range(BATCH_MAX + 3)]
    await rounds()
    sizes = list[int]()
    answered = 0
    while answered < len(waiting):
        batch = await queue.batch()
        sizes.append(len(batch))
        for job in batch:
            job.result = answered
            job.settle()
            answered += 1
    assert sizes == [BATCH_MAX, 3]
    assert await asyncio.gather(*waiting) == list(range(BATCH_MAX + 3))


async def test_a_decision_above_the_limit_is_refused_immediately() -> None:
    queue = a_queue()
    waiting = [asyncio.ensure_future(queue.answered(decide)) for _ in range(QUEUE_MAX)]
    await rounds()
    with pytest.raises(NotSynced, match="queued already"):
        await queue.answered(decide)
    queue.refuse_all("it is over")
    ends = await asyncio.gather(*waiting, return_exceptions=True)
    assert {str(end) for end in ends} == {"it is over; the write did not happen"}


async def test_a_decision_queued_for_too_long_is_refused_and_not_decided() -> None:
    queue = a_queue(queued_s_max=0)
    with pytest.raises(NotSynced, match="was queued for 0 s"):
        await queue.answered(decide)
    queue.queued_s_max = 60
    later = asyncio.ensure_future(queue.answered(decide))
    (job,) = await queue.batch()
    job.settle()
    assert await later is None


async def test_a_cancelled_decision_is_not_decided() -> None:
    queue = a_queue()
    gone, there = (asyncio.ensure_future(queue.answered(decide)) for _ in range(2))
    await rounds()
    gone.cancel()
    await rounds()
    assert len(await queue.batch()) == 1
    assert not there.done()
    queue.refuse_all("it is over")
    there.cancel()


async def test_time_limits_are_suspended_behind_a_long_decision() -> None:
    queue = a_queue()
    before = asyncio.ensure_future(queue.answered(decide))
    await rounds()
    queue.queued_s_max = 0
    with queue.held():
        during = asyncio.ensure_future(queue.answered(decide))
        await rounds()
        assert not before.done()
        assert not during.done()
        queue.queued_s_max = 60
    await rounds()
    for job in await queue.batch():
        job.settle()
    assert await asyncio.gather(before, during) == [None, None]


async def test_time_limits_restart_afterwards() -> None:
    queue = a_queue()
    with queue.held():
        waiting = asyncio.ensure_future(queue.answered(decide))
        await rounds()
        queue.queued_s_max = 0
    with pytest.raises(NotSynced, match="was queued for 0 s"):
        await waiting
