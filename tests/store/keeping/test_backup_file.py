"""A file is written completely or left as it was, also at a size limit, a full disk or a fault."""

import os
import resource
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.store.keeping.backup_file import lines_of, write_whole

OLD = b"what was there before\n"


def names_in(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


async def lines(*given: bytes | Exception) -> AsyncIterator[bytes]:
    for each in given:
        if isinstance(each, Exception):
            raise each
        yield each


async def test_a_new_file_has_every_line_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    file = tmp_path / "backup"
    assert await write_whole(file, lines(b"a\n", b"b\n")) == 2
    assert file.read_bytes() == b"a\nb\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert names_in(tmp_path) == [file.name]


async def test_an_older_file_is_replaced_at_the_end_and_not_before(tmp_path: Path) -> None:
    file = tmp_path / "backup"
    file.write_bytes(OLD)

    async def looked_at() -> AsyncIterator[bytes]:
        yield b"new\n"
        assert file.read_bytes() == OLD

    await write_whole(file, looked_at())
    assert file.read_bytes() == b"new\n"


async def test_a_database_fault_leaves_the_older_file(tmp_path: Path) -> None:
    file = tmp_path / "backup"
    file.write_bytes(OLD)
    with pytest.raises(ValueError, match="away"):
        await write_whole(file, lines(b"new\n", ValueError("away")))
    assert file.read_bytes() == OLD
    assert names_in(tmp_path) == [file.name]


async def test_a_full_disk_leaves_the_older_file(tmp_path: Path) -> None:
    file = tmp_path / "backup"
    file.write_bytes(OLD)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(OSError, match=f"{file} cannot be written: File too large"):
            await write_whole(file, lines(*[b"x" * 999 + b"\n"] * 20))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert file.read_bytes() == OLD
    assert names_in(tmp_path) == [file.name]


async def test_a_missing_folder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="cannot be written: No such file"):
        await write_whole(tmp_path / "none" / "backup", lines(b"a\n"))


async def test_a_pipe_is_written_to_directly() -> None:
    reading, writing = os.pipe()
    try:
        assert await write_whole(Path(f"/proc/self/fd/{writing}"), lines(b"a\n")) == 1
        assert os.read(reading, 10) == b"a\n"
    finally:
        os.close(reading)
        os.close(writing)


def test_lines_are_read_with_a_bound(tmp_path: Path) -> None:
    file = tmp_path / "backup"
    file.write_bytes(b"a\n" + b"x" * 25 + b"\nlast")
    found = list(lines_of(file, octets_max=10))
    assert b"".join(found) == file.read_bytes()
    assert max(map(len, found)) == 11


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    for file, why in ((tmp_path / "none", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(OSError, match=f"^{file} cannot be read: {why}"):
            list(lines_of(file, octets_max=10))
