"""Runs programs with bounds on their time and output.

    command, input -> output,  or ProgramFailed with its error output

They run with ``LC_ALL=C``, so that their output has one form everywhere.
"""

import asyncio
import contextlib
import os
import shlex
import signal
from asyncio.subprocess import Process
from collections.abc import Awaitable, Sequence
from typing import Final, Protocol

from app.agent.sinks.sink import SinkFailed

RUN_S_MAX: Final = 60.0
OUTPUT_BYTES_MAX: Final = 256 * 1024 * 1024
ERROR_CHARACTERS_MAX: Final = 500
_SYSTEM_PATHS: Final = "/usr/local/sbin:/usr/sbin:/sbin"  # not in every user's PATH
_CHUNK_BYTES: Final = 1 << 16


class ProgramFailed(SinkFailed):
    """A program is missing, ended with an error, took too long or printed too much."""


class Run(Protocol):
    """Runs a command line with a text as its input, and returns its output."""

    def __call__(self, command: str, *, text: str = "") -> Awaitable[str]:
        """Raise ProgramFailed when it fails."""
        ...


async def run(
    command: str,
    *,
    text: str = "",
    run_s_max: float = RUN_S_MAX,
    output_bytes_max: int = OUTPUT_BYTES_MAX,
) -> str:
    """Run a command line to its end with ``text`` as its input, and return its output.

    Raises ProgramFailed.
    """
    process = await _started(shlex.split(command), text)
    try:
        async with asyncio.timeout(run_s_max):
            output, errors = await asyncio.gather(
                *(_read_all(process, stream, output_bytes_max) for stream in _outputs(process))
            )
            code = await process.wait()
    except TimeoutError:
        raise ProgramFailed(f"{command}: not done after {run_s_max:g} s") from None
    finally:
        await _end(process)
    if max(len(output), len(errors)) > output_bytes_max:
        raise ProgramFailed(f"{command}: printed more than {output_bytes_max} bytes")
    if code:
        raise ProgramFailed(f"{command}: {_shown(errors) or f'exit code {code}'}")
    return output.decode(errors="replace")


async def _started(arguments: Sequence[str], text: str) -> Process:
    # A file in memory: unlike a pipe it needs no writer while output is read.
    with os.fdopen(os.memfd_create("input"), "w+b") as file:
        file.write(text.encode())
        file.seek(0)
        try:
            return await asyncio.create_subprocess_exec(
                *arguments,
                stdin=file,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={
                    **os.environ,
                    "PATH": f"{os.environ.get('PATH', '')}:{_SYSTEM_PATHS}",
                    "LC_ALL": "C",
                },
                start_new_session=True,  # so that its child processes are killed with it
            )
        except OSError as error:
            raise ProgramFailed(f"{arguments[0]} cannot be run: {error.strerror}") from None


def _outputs(process: Process) -> tuple[asyncio.StreamReader, asyncio.StreamReader]:
    assert process.stdout is not None, "it is a pipe"
    assert process.stderr is not None, "it is a pipe"
    return process.stdout, process.stderr


async def _read_all(process: Process, stream: asyncio.StreamReader, bytes_max: int) -> bytes:
    """Read to the end; kill a program that prints too much, and drop the rest."""
    pieces: list[bytes] = []
    size_bytes = 0
    while piece := await stream.read(_CHUNK_BYTES):
        if size_bytes <= bytes_max:
            pieces.append(piece)
            size_bytes += len(piece)
        else:
            _kill(process)
    return b"".join(pieces)


async def _end(process: Process) -> None:
    """Kill a running process and drain its pipes: asyncio does not see a full pipe close."""
    if process.returncode is None:
        _kill(process)
        for stream in _outputs(process):
            while await stream.read(_CHUNK_BYTES):
                pass
        await process.wait()


def _kill(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _shown(errors: bytes) -> str:
    return " ".join(errors.decode(errors="replace").split())[:ERROR_CHARACTERS_MAX]
