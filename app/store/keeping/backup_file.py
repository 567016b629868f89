"""Atomic writing of a file, and reading it line by line.

    lines -> temporary file in the same folder -> synced -> renamed

Until the rename an older file of that name is unchanged, whatever happens: a full disk, a size
limit, a power cut.  ``-`` is the standard output or input, as in ``tar``; output there is
complete if its last line is.
"""

import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import nullcontext, suppress
from pathlib import Path

STANDARD = Path("-")  # the standard output or input instead of a file
_SECRET = 0o600  # only the owner may read a backup


async def write_whole(file: Path, lines: AsyncIterator[bytes]) -> int:
    """Write lines to a file; gives their number.

    A pipe or device is written to directly.  Raises OSError with a plain message.
    """
    name = "the standard output" if file == STANDARD else file
    try:
        if file == STANDARD:
            return await _copied(lines, sys.stdout.fileno())
        if _is_pipe(file):
            with file.open("wb") as out:
                return await _copied(lines, out.fileno())
        return await _written_atomically(file, lines)
    except OSError as error:
        raise OSError(f"{name} cannot be written: {error.strerror}") from error


def lines_of(file: Path, *, octets_max: int) -> Iterator[bytes]:
    """Read the lines of a file with their newlines; lines above ``octets_max`` are split.

    Raises OSError with a plain message.
    """
    try:
        opening = nullcontext(sys.stdin.buffer) if file == STANDARD else file.open("rb")
        with opening as opened:
            while line := opened.readline(octets_max + 1):
                yield line
    except OSError as error:
        name = "the standard input" if file == STANDARD else file
        raise OSError(f"{name} cannot be read: {error.strerror}") from error


async def _written_atomically(file: Path, lines: AsyncIterator[bytes]) -> int:
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _SECRET)
    try:
        try:
            count = await _copied(lines, descriptor)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.replace(file)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise
    _sync_folder(file.parent)
    return count


def _is_pipe(file: Path) -> bool:
    return file.exists() and not file.is_file()


async def _copied(lines: AsyncIterator[bytes], descriptor: int) -> int:
    count = 0
    async for line in lines:
        rest = memoryview(line)
        while rest:  # a signal may cut a write short
            rest = rest[os.write(descriptor, rest) :]
        count += 1
    return count


def _sync_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
