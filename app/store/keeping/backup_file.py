"""A file that is there whole or not at all, and one that is read a line at a time.

    lines -> beside the file -> synced -> renamed to it

Until the rename an older file of that name is what it was, whatever happens: a full disk,
a limit on sizes, a power cut.  ``-`` is the standard output or input, as in ``tar``; what was
written there is whole if its last line is.
"""

import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import nullcontext, suppress
from pathlib import Path

STANDARD = Path("-")  # the standard output or input instead of a file
_SECRET = 0o600  # what is registered is for its owner to read


async def write_whole(file: Path, lines: AsyncIterator[bytes]) -> int:
    """Write lines to a file; gives their number.

    What is no plain file, a pipe for one, is written to as it is.  Raises OSError in words.
    """
    name = "the standard output" if file == STANDARD else file
    try:
        if file == STANDARD:
            return await _copied(lines, sys.stdout.fileno())
        if _is_pipe(file):
            with file.open("wb") as out:
                return await _copied(lines, out.fileno())
        return await _written_beside(file, lines)
    except OSError as error:
        raise OSError(f"{name} cannot be written: {error.strerror}") from error


def lines_of(file: Path, *, octets_max: int) -> Iterator[bytes]:
    """Read the lines of a file, newlines included; a longer one ends in pieces.

    Raises OSError in words.
    """
    try:
        opening = nullcontext(sys.stdin.buffer) if file == STANDARD else file.open("rb")
        with opening as opened:
            while line := opened.readline(octets_max + 1):
                yield line
    except OSError as error:
        name = "the standard input" if file == STANDARD else file
        raise OSError(f"{name} cannot be read: {error.strerror}") from error


async def _written_beside(file: Path, lines: AsyncIterator[bytes]) -> int:
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _SECRET)
    try:
        try:
            count = await _copied(lines, descriptor)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        beside.replace(file)
    except BaseException:
        with suppress(FileNotFoundError):
            beside.unlink()
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
