"""Pages that show commands and what they print: read, run in one shell, and compared.

    page -> Session per heading -> bash -> the output of each command

A line of output is compared word by word; ``…`` stands for any text within a line, and alone on a
line for any number of lines.
"""

import asyncio
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ANY: Final = "…"
_HEADING: Final = re.compile(r"^## (.+)$", re.MULTILINE)
_SERVER: Final = re.compile(r"<!-- server: serve ?(.*) -->")
_BLOCK: Final = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_END: Final = "--- end of a command ---"


@dataclass(frozen=True, slots=True)
class Command:
    """A command as a shell takes it, and the lines that it is said to print."""

    text: str
    printed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Session:
    """The commands below one heading, and the options of the server that they need."""

    heading: str
    options: tuple[str, ...]
    commands: tuple[Command, ...] = field(repr=False)


def sessions(page: str) -> Iterator[Session]:
    """Yield the parts of a page that have a server."""
    parts = _HEADING.split(page)[1:]
    for heading, text in zip(parts[::2], parts[1::2], strict=True):
        if (server := _SERVER.search(text)) is not None:
            commands = tuple(_commands("".join(_BLOCK.findall(text))))
            assert commands, f"nothing is shown below {heading}"
            yield Session(heading, tuple(server[1].split()), commands)


def _commands(block: str) -> Iterator[Command]:
    for shown in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        lines = shown.rstrip("\n").split("\n")
        length = 1
        if "<<'END'" in lines[0]:
            length = lines.index("END") + 1
        yield Command("\n".join(lines[:length]), tuple(lines[length:]))


async def outputs(
    session: Session, folder: Path, variables: Mapping[str, str], *, api: str
) -> list[list[str]]:
    """Run the commands in one shell, in ``folder``; give the lines that each has printed."""
    script = "set -e\n" + "".join(
        f"{command.text.replace('http://127.0.0.1:8053', api)}\necho '{_END}'\n"
        for command in session.commands
    )
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    process = await asyncio.create_subprocess_exec(
        "bash",
        "-c",
        script,
        cwd=folder,
        env={**os.environ, "PATH": programs, "WAYPOST_API": api, **variables},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    pieces = said.decode().split(f"{_END}\n")
    assert process.returncode == 0, pieces[-1]
    return [piece.splitlines() for piece in pieces[:-1]]


def fits(printed: list[str], shown: tuple[str, ...]) -> bool:
    """Whether what was printed is what is shown."""
    patterns = [r"(?:[^\n]*\n)*" if line.strip() == ANY else _pattern(line) for line in shown]
    text = "".join(f"{' '.join(line.split())}\n" for line in printed)
    return re.fullmatch("".join(patterns), text) is not None


def _pattern(line: str) -> str:
    words = re.escape(" ".join(line.split()))
    return words.replace(re.escape(ANY), r"[^\n]*") + r"\n"
