"""What a lab finds in its machine: a verdict a scenario, and what the console showed at the end.

    lab, backend, scenarios -> run_lab -> Outcome

A lab writes each verdict as soon as it is known, so a machine that dies has told what it knew.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.kernel.machine import RESULTS, boot

LAB = "tests.kernel.lab"
AGENTS_LAB = "tests.kernel.lab.agents"
RUN_TIMEOUT_S = 600
TEST_TIMEOUT_S = 2 * RUN_TIMEOUT_S + 60
"""For a test that runs one lab while another worker runs the one that it asks for."""
CONSOLE_SHOWN_MAX = 8_000  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How one scenario went; ``detail`` is empty when it holds."""

    scenario: str
    detail: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdicts by scenario; one is missing where the machine died first."""

    verdicts: Mapping[str, Verdict]
    console: str
    """Its end."""


def run_lab(lab_module: str, backend: str, scenarios: Sequence[str], folder: Path) -> Outcome:
    """Run scenarios of one backend in one machine; ``folder`` is empty and writable."""
    lab = (sys.executable, "-m", lab_module, backend, RESULTS, *scenarios)
    try:
        console = boot(lab, folder, timeout_s=RUN_TIMEOUT_S)
    except subprocess.CalledProcessError as failed:  # a program that prepares the machine
        console = f"{failed}\n{failed.stderr}"
    results = folder / "results"
    written = results.read_text() if results.exists() else ""
    return Outcome(read_verdicts(written), console[-CONSOLE_SHOWN_MAX:])


def read_verdicts(written: str) -> Mapping[str, Verdict]:
    """Read whole lines only: a machine may die in the middle of one."""
    lines = written.splitlines(keepends=True)
    read = (Verdict(**json.loads(line)) for line in lines if line.endswith("\n"))
    return {verdict.scenario: verdict for verdict in read}
