"""Jobs in a thread: the event loop goes on, one job at a time, and garbage collection resumes."""

import asyncio
import gc
import threading
from collections.abc import Iterator

import pytest

from app.registry.threads import Lane, in_thread


@pytest.fixture(autouse=True)
def _nothing_stays_frozen() -> Iterator[None]:
    yield
    gc.unfreeze()


async def test_a_job_runs_in_another_thread_and_its_result_or_error_comes_back() -> None:
    assert await in_thread(threading.get_ident) != threading.get_ident()
    with pytest.raises(ZeroDivisionError):
        await in_thread(divmod, 1, 0)


async def test_a_lane_runs_one_job_at_a_time_in_order_of_arrival() -> None:
    lane, begun, done = Lane(), list[int](), list[int]()
    may_end = threading.Event()

    def work(number: int) -> None:
        begun.append(number)
        may_end.wait(timeout=30)
        done.append(number)

    works = [asyncio.create_task(lane.run(work, number)) for number in range(3)]
    while not begun:  # noqa: ASYNC110  set by a thread
        await asyncio.sleep(0)
    assert (begun, done) == ([0], [])
    may_end.set()
    await asyncio.gather(*works)
    assert begun == done == [0, 1, 2]


async def test_a_cancelled_caller_waits_for_the_thread() -> None:
    began, may_end, done = threading.Event(), threading.Event(), list[str]()

    def work() -> None:
        began.set()
        may_end.wait(timeout=30)
        done.append("all of it")

    working = asyncio.create_task(in_thread(work))
    while not began.is_set():  # noqa: ASYNC110  set by a thread
        await asyncio.sleep(0)
    working.cancel()
    await asyncio.sleep(0)
    assert not working.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert done == ["all of it"]


async def test_large_results_are_exempt_from_later_garbage_collections() -> None:
    frozen = gc.get_freeze_count()
    made = await in_thread(lambda: [[number] for number in range(150_000)])
    assert gc.isenabled()
    assert gc.get_freeze_count() - frozen >= len(made)


async def test_garbage_collection_stays_off_where_it_was_off() -> None:
    gc.disable()
    try:
        await in_thread(list[object])
        assert not gc.isenabled()
    finally:
        gc.enable()
