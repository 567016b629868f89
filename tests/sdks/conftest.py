"""A table at the end of a run: what each generated client did, step by step."""

from typing import cast

import pytest

from tests.sdks.examples import STEPS

_SIGNS = {"ok": "+", "around": "~"}
_WIDTH = 32  # of a generator's name


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the steps of all clients that ran, those that failed among them."""
    rows = sorted(
        cast("tuple[str, dict[str, str]]", value)
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for name, value in report.user_properties
        if name == "sdk"
    )
    if not rows:
        return
    terminalreporter.section("generated clients")
    terminalreporter.line(" " * _WIDTH + " ".join(f"{n:2}" for n in range(1, len(STEPS) + 1)))
    for generator, ways in rows:
        signs = " ".join(f"{_SIGNS.get(ways.get(step, ''), '!'):>2}" for step in STEPS)
        terminalreporter.line(f"{generator:{_WIDTH}}{signs}")
    terminalreporter.line(", ".join(f"{n} {step}" for n, step in enumerate(STEPS, 1)))
    terminalreporter.line("+ done, ~ done by the way around that docs/sdk.md tells, ! not done")
