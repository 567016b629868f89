"""Every child is reaped, and its end told as a shell tells it."""

import os
import signal
from collections.abc import AsyncGenerator

import pytest

from app.registrar.process.children import Children


@pytest.fixture
async def children() -> AsyncGenerator[Children]:
    children = Children()
    with children.reaping():
        yield children


@pytest.mark.parametrize(
    ("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 143), ("kill -9 $$", 137)]
)
async def test_the_end_of_a_child_is_told(children: Children, script: str, code: int) -> None:
    child = children.start(["sh", "-c", script], has_own_group=True)
    assert await child.ended == code
    child.send(signal.SIGTERM)
    child.kill_group()


async def test_a_signal_reaches_the_child(children: Children) -> None:
    child = children.start(["sleep", "1000"], has_own_group=True)
    child.send(signal.SIGTERM)
    assert await child.ended == 128 + signal.SIGTERM


async def test_a_group_ends_as_a_whole(children: Children) -> None:
    child = children.start(["sh", "-c", "sleep 1000 & sleep 1000"], has_own_group=True)
    assert os.getpgid(child.number) == child.number
    child.kill_group()
    assert await child.ended == 137


async def test_a_child_may_share_the_group(children: Children) -> None:
    child = children.start(["sleep", "1000"], has_own_group=False)
    assert os.getpgid(child.number) == os.getpgrp()
    child.send(signal.SIGKILL)
    await child.ended


async def test_several_children_are_told_apart(children: Children) -> None:
    started = [children.start(["sh", "-c", f"exit {n}"], has_own_group=True) for n in range(20)]
    assert [await child.ended for child in started] == list(range(20))


async def test_a_child_ignores_no_signal_that_python_ignores(children: Children) -> None:
    child = children.start(["sh", "-c", "kill -PIPE $$; exit 3"], has_own_group=True)
    assert await child.ended == 128 + signal.SIGPIPE


async def test_what_is_no_program_is_refused(children: Children) -> None:
    with pytest.raises(FileNotFoundError):
        children.start(["/no/such/program"], has_own_group=True)
