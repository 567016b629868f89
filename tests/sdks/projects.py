"""Copies of the example projects, in which their scripts run.

    Example -> copy in build/sdks -> what a script printed, and its exit code

What the toolchains fetch and compile stays in `build/sdks` from run to run, and the generators of
one language share it.
"""

import asyncio
import fcntl
import os
import re
import shutil
import signal
import subprocess
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.sdks.examples import HERE, Example

CHECKOUT = HERE.parents[1]
BUILD = CHECKOUT / "build" / "sdks"
TOOLS = BUILD / "venv" / "bin"  # the generators that are Python packages; `make` installs them
SHOWN_MAX = 6_000  # characters of what a script printed before it failed
SCRIPT_S_MAX = 600.0
LINE_S_MAX = 120.0  # until a line that is due; the machine may be busy
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")  # Maven writes some to files too
_WARNING = re.compile(r"WARN|[Ww]arning|ERROR|[Uu]nsupported|[Ss]kipping|not implemented")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A script that ended."""

    script: str
    code: int
    printed: str

    def succeeded(self) -> str:
        """Give what the script printed; fails unless it exited with 0."""
        assert self.code == 0, f"{self.script} exited with {self.code}\n{self.printed[-SHOWN_MAX:]}"
        return self.printed


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """An example's copy, with the document and the manifests that its scripts read."""

    example: Example
    folder: Path

    def run(self, script: str, **environment: str) -> Ended:
        """Run a script of the folder, which may fail."""
        return run(self.folder, script, {**_shared(self.example.language), **environment})

    @asynccontextmanager
    async def running(
        self, script: str, **environment: str
    ) -> AsyncGenerator[AsyncIterator[str], None]:
        """Run a script that does not end by itself; gives its lines as they are printed."""
        settings = {**_shared(self.example.language), **environment}
        async with running(self.folder, script, settings) as lines:
            yield lines


def warnings(printed: str, notices: tuple[str, ...]) -> list[str]:
    """Find the lines that warn, and that no pattern of the notices matches."""
    known = [re.compile(each) for each in notices]
    return [
        line
        for line in printed.splitlines()
        if _WARNING.search(line) and not any(each.search(line) for each in known)
    ]


def copied(example: Example) -> Project:
    """Lay an example's folder anew, without what an earlier run generated."""
    language = BUILD / example.language
    folder = language / example.generator
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(example.folder, folder)
    shutil.copy(CHECKOUT / "openapi.json", folder)
    shutil.copy(CHECKOUT / "examples" / "ent.yaml", folder)
    if (HERE / example.language / "install.sh").exists():
        _install(language)
    return Project(example=example, folder=folder)


def _install(language: Path) -> None:
    """Install what the generators of a language share, once, whichever test comes first."""
    files = sorted(path for path in (HERE / language.name).iterdir() if path.is_file())
    wanted = "".join(path.read_text() for path in files)
    with (language / ".installed").open("a+") as stamp:
        fcntl.flock(stamp, fcntl.LOCK_EX)
        stamp.seek(0)
        if stamp.read() != wanted:
            for file in files:
                shutil.copy(file, language)
            run(language, "install.sh", {}).succeeded()
            stamp.truncate(0)
            stamp.write(wanted)


def _shared(language: str) -> Mapping[str, str]:
    return {"CARGO_TARGET_DIR": str(BUILD / language / "target")} if language == "rust" else {}


def run(
    folder: Path, script: str, environment: Mapping[str, str], *, within_s: float = SCRIPT_S_MAX
) -> Ended:
    """Run a script with the tools first in its path; one that takes too long is killed whole."""
    process = subprocess.Popen(
        ["sh", "-eu", script],  # noqa: S607  the shell of the system
        cwd=folder,
        env=_surroundings(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        printed, _ = process.communicate(timeout=within_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        printed, _ = process.communicate()
    named = f"{folder.name}/{script}"
    return Ended(script=named, code=process.returncode, printed=_COLOUR.sub("", printed))


@asynccontextmanager
async def running(
    folder: Path, script: str, environment: Mapping[str, str]
) -> AsyncGenerator[AsyncIterator[str], None]:
    """Run a script until the block ends, then kill it whole; gives its lines."""
    process = await asyncio.create_subprocess_exec(
        *("sh", "-eu", script),
        cwd=folder,
        env={**_surroundings(environment), "PYTHONUNBUFFERED": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        yield (_COLOUR.sub("", line.decode()).strip() async for line in process.stdout)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def until_printed(lines: AsyncIterator[str], wanted: str) -> None:
    """Wait for a line; fails when the program ends before, or does not print it in a long time."""
    printed: list[str] = []
    with suppress(TimeoutError):
        async with asyncio.timeout(LINE_S_MAX):
            async for line in lines:
                printed.append(line)
                if line == wanted:
                    return
    raise AssertionError(f"{wanted!r} is not among {printed}")


def _surroundings(environment: Mapping[str, str]) -> Mapping[str, str]:
    path = f"{TOOLS}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, **environment}
