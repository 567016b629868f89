"""An embedded server starts whatever its predecessor left behind."""

import logging
import os
import shutil
import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import text

from app.store.keeping import embedded
from tests.databases import connected
from tests.waiting import until

pytestmark = pytest.mark.database

NOTE = "postmaster.pid"


@contextmanager
def a_folder() -> Generator[Path]:
    # Outside pytest's own folders, which only the user of the tests may enter.
    with TemporaryDirectory(prefix="waypost-embedded-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "postgres"


def server_pid(folder: Path) -> int:
    return int((folder / NOTE).read_text().splitlines()[0])


async def answer(url: str) -> object:
    async with connected(url) as engine, engine.connect() as connection:
        return (await connection.execute(text("SELECT 40 + 2"))).scalar()


async def test_a_killed_server_is_started_again_although_its_process_id_is_taken() -> None:
    with a_folder() as folder:
        server = embedded.start(folder)
        note = (folder / NOTE).read_text()
        os.kill(server_pid(folder), signal.SIGINT)  # stops immediately, with all its processes
        await until(lambda: not (folder / NOTE).exists())
        (folder / NOTE).write_text(f"{os.getpid()}\n{note.partition(chr(10))[2]}")
        again = embedded.start(folder)
        assert await answer(again.url) == 42
        server.stop()


async def test_another_postgresql_with_the_process_id_is_left_alone() -> None:
    with a_folder() as folder, a_folder() as elsewhere:
        server = embedded.start(folder)
        note = (folder / NOTE).read_text()
        os.kill(server_pid(folder), signal.SIGINT)
        await until(lambda: not (folder / NOTE).exists())
        other = embedded.start(elsewhere)
        number = server_pid(elsewhere)
        (folder / NOTE).write_text(f"{number}\n{note.partition(chr(10))[2]}")

        again = embedded.start(folder)
        assert server_pid(folder) != number
        assert await answer(again.url) == 42
        server.stop()

        assert server_pid(elsewhere) == number
        assert await answer(other.url) == 42
        other.stop()


async def test_a_copy_of_a_folder_in_use_is_refused_in_one_line() -> None:
    with a_folder() as folder, a_folder() as elsewhere:
        server = embedded.start(folder)
        copy = elsewhere
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns(".s.PGSQL*"))
        with pytest.raises(OSError, match=f"{copy} is a copy of {folder}") as refused:
            embedded.start(copy)
        assert "\n" not in str(refused.value)
        assert await answer(server.url) == 42
        server.stop()


async def test_a_folder_that_was_moved_after_a_power_cut_is_accepted() -> None:
    with a_folder() as folder, a_folder() as elsewhere:
        server = embedded.start(folder)
        note = (folder / NOTE).read_text()
        server.stop()
        folder.rename(elsewhere)
        (elsewhere / NOTE).write_text(note)
        moved = embedded.start(elsewhere)
        assert await answer(moved.url) == 42
        moved.stop()


def test_the_folder_of_another_major_version_is_refused_with_the_way_out() -> None:
    with a_folder() as folder:
        folder.mkdir()
        (folder / "PG_VERSION").write_text("15\n")
        with pytest.raises(OSError, match=r"made by PostgreSQL 15, and this is 18: write a backup"):
            embedded.start(folder)


def test_the_last_words_of_a_server_that_does_not_start_are_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with a_folder() as folder:
        embedded.start(folder).stop()
        (folder / "global" / "pg_control").unlink()
        with pytest.raises(OSError, match=r"does not start in \S+: could not .*pg_control") as told:
            embedded.start(folder)
    assert "\n" not in str(told.value)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_the_major_version_is_that_of_the_wheel() -> None:
    with a_folder() as folder:
        server = embedded.start(folder)
        assert (folder / "PG_VERSION").read_text().strip() == embedded.MAJOR
        server.stop()


async def test_a_starting_server_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with a_folder() as folder:
        server = embedded.start(folder)
        ready = (folder / NOTE).read_text()
        (folder / NOTE).write_text(ready.replace("ready   ", "starting"))
        naps: list[float] = []

        def nap(seconds: float) -> None:
            naps.append(seconds)
            (folder / NOTE).write_text(ready)

        monkeypatch.setattr(embedded.time, "sleep", nap)
        again = embedded.start(folder)
        assert naps
        assert await answer(again.url) == 42
        server.stop()


async def test_a_start_may_exceed_the_wheels_own_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    given_up: list[str] = []
    ensure = embedded.PostgresServer.ensure_postgres_running

    def impatient(server: embedded.PostgresServer) -> None:
        ensure(server)
        if not given_up:
            given_up.append("once")
            raise subprocess.TimeoutExpired("pg_ctl", 10)

    monkeypatch.setattr(embedded.PostgresServer, "ensure_postgres_running", impatient)
    with a_folder() as folder:
        server = embedded.start(folder)
        assert given_up
        assert await answer(server.url) == 42
        server.stop()


async def test_a_server_that_never_starts_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def hanging(_: embedded.PostgresServer) -> None:
        raise subprocess.TimeoutExpired("pg_ctl", 10)

    monkeypatch.setattr(embedded.PostgresServer, "ensure_postgres_running", hanging)
    with a_folder() as folder, pytest.raises(subprocess.TimeoutExpired):
        embedded.start(folder, start_s_max=-1)
