"""What runs in the loop's thread is waited for, and has ended when the thread has."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing

import pytest

from waypost.client.errors import Misused
from waypost.client.loop_thread import LoopThread


@pytest.fixture
def loop() -> Generator[LoopThread]:
    thread = LoopThread()
    thread.start()
    yield thread
    thread.stop()


async def name_of_thread() -> str:
    return threading.current_thread().name


def test_a_result_comes_from_the_other_thread(loop: LoopThread) -> None:
    assert loop.run(name_of_thread) == "waypost" != threading.current_thread().name


def test_an_error_is_raised_in_this_one(loop: LoopThread) -> None:
    async def fail() -> None:
        raise LookupError("here")

    with pytest.raises(LookupError, match="here"):
        loop.run(fail)


def test_waiting_in_the_loop_itself_is_refused(loop: LoopThread) -> None:
    async def wait_here() -> str:
        return loop.run(name_of_thread)

    with pytest.raises(Misused, match="thread that does its work"):
        loop.run(wait_here)


def test_what_still_runs_is_cancelled_at_the_end() -> None:
    loop, ended = LoopThread(), list[str]()
    begun = set[asyncio.Task[None]]()

    async def last() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    async def begin() -> None:
        begun.add(asyncio.create_task(last()))
        await asyncio.sleep(0)

    loop.start()
    loop.run(begin)
    assert loop.is_running
    loop.stop()
    assert ended == ["cancelled"]
    assert not loop.is_running


def test_it_may_be_started_again(loop: LoopThread) -> None:
    loop.stop()
    loop.stop()
    with pytest.raises(Misused, match="with"):
        loop.run(name_of_thread)
    loop.start()
    assert loop.run(name_of_thread) == "waypost"


async def test_generators_that_hold_others_are_closed_before_them() -> None:
    closed: list[int] = []
    problems: list[object] = []

    async def nested(depth: int) -> AsyncGenerator[int, None]:
        try:
            if depth:
                async with aclosing(nested(depth - 1)) as inner:
                    async for each in inner:
                        yield each
            yield depth
        finally:
            await asyncio.sleep(0)
            closed.append(depth)

    kept = [nested(4) for _ in range(20)]

    async def begin() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: problems.append(context["message"]))
        for each in kept:
            await anext(each)

    thread = LoopThread()
    thread.start()
    await asyncio.to_thread(thread.run, begin)
    await asyncio.to_thread(thread.stop)
    assert problems == []
    assert closed == [0, 1, 2, 3, 4] * 20
