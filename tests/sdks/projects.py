"""Copies of the example projects, in which their scripts run.

    Example -> copy in build/sdks -> script's output | ScriptFailed

What the toolchains fetch and compile stays there from run to run, and one language's generators share it.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.sdks.examples import HERE, Example

CHECKOUT = HERE.parents[1]
BUILD = CHECKOUT / "build" / "sdks"
TOOLS = BUILD / "venv" / "bin"  # the generators that are Python packages; `make` installs them
SHOWN_MAX = 6_000  # characters of what a script printed before it failed
SCRIPT_S_MAX = 600
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")  # Maven writes some to files too
_WARNING = re.compile(r"WARN|[Ww]arning|ERROR|[Uu]nsupported|[Ss]kipping|not implemented")


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """An example's copy, with the document and manifests that its scripts read."""

    example: Example
    folder: Path

    def run(self, script: str, **environment: str) -> str:
        """Run a script of the folder; gives what it printed, and fails unless it succeeds."""
        return _run(self.folder, script, {**_shared(self.example.language), **environment})

    def unexpected(self, printed: str) -> list[str]:
        """Find the warnings in what the generator printed that are not of its known ones."""
        notices = [re.compile(each) for each in self.example.notices]
        return [
            line
            for line in printed.splitlines()
            if _WARNING.search(line) and not any(each.search(line) for each in notices)
        ]


def copied(example: Example) -> Project:
    """Lay an example's folder anew, without what an earlier run generated."""
    language = BUILD / example.language
    folder = language / example.generator
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(example.folder, folder)
    for shared in (HERE / example.language).iterdir():
        if shared.is_file():
            shutil.copy(shared, language)
    shutil.copy(CHECKOUT / "openapi.json", folder)
    shutil.copy(CHECKOUT / "examples" / "ent.yaml", folder)
    if (language / "install.sh").exists():
        _run(language, "install.sh", {})
    return Project(example=example, folder=folder)


def _shared(language: str) -> Mapping[str, str]:
    return {"CARGO_TARGET_DIR": str(BUILD / language / "target")} if language == "rust" else {}


def _run(folder: Path, script: str, environment: Mapping[str, str]) -> str:
    path = f"{TOOLS}{os.pathsep}{os.environ['PATH']}"
    ended = subprocess.run(
        ["sh", "-eu", script],  # noqa: S607  the shell of the system
        cwd=folder,
        env={**os.environ, "PATH": path, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SCRIPT_S_MAX,
        check=False,
    )
    printed = _COLOUR.sub("", ended.stdout)
    assert ended.returncode == 0, f"{folder.name}/{script}\n{printed[-SHOWN_MAX:]}"
    return printed
