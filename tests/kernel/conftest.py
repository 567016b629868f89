"""One machine a lab, backend and session; its verdicts are told to the tests that ask."""

import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import pytest

from tests.kernel.lab.agents.story import CHAPTERS
from tests.kernel.lab.scenarios.all import SCENARIOS
from tests.kernel.lab.scenarios.registry import BACKENDS
from tests.kernel.machine import lacking
from tests.kernel.shared import Run, SharedRuns
from tests.kernel.verdicts import AGENTS_LAB, LAB, run_lab

Judge = Callable[[str, str, str], None]
"""Fails unless a lab has found with a backend that a scenario holds."""


@pytest.fixture
def judge(request: pytest.FixtureRequest, machine: None, shared_runs: SharedRuns) -> Judge:
    """Judge a scenario; the first of a lab and backend runs all of them that were selected."""
    del machine

    def judge(lab_module: str, backend: str, scenario: str) -> None:
        name = f"{lab_module}-{backend}"
        outcome = shared_runs.outcome(name)
        if scenario not in outcome.verdicts:
            why = shared_runs.why_unjudged(name, request.node.nodeid, outcome.console)
            pytest.fail(why, pytrace=False)
        if detail := outcome.verdicts[scenario].detail:
            pytest.fail(detail, pytrace=False)

    return judge


@pytest.fixture(scope="session")
def shared_runs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> SharedRuns:
    """Give the runs of which any scenario was selected."""
    runs: dict[str, Run] = {}
    for backend in BACKENDS:
        if scenarios := _selected(request.session, backend, SCENARIOS):
            runs[f"{LAB}-{backend}"] = partial(run_lab, LAB, backend, scenarios)
        if chapters := _selected(request.session, backend, CHAPTERS):
            told = list(CHAPTERS)[: list(CHAPTERS).index(chapters[-1]) + 1]  # from the beginning
            runs[f"{AGENTS_LAB}-{backend}"] = partial(run_lab, AGENTS_LAB, backend, told)
    base = tmp_path_factory.getbasetemp()
    return SharedRuns(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base, runs)


@pytest.fixture
def machine() -> None:
    """Require that machines can be booted here."""
    if reason := lacking():
        if os.environ.get("CI"):
            why = f"{reason}; in continuous integration these tests must run"
            pytest.fail(why, pytrace=False)
        pytest.skip(reason)


def _selected(session: pytest.Session, backend: str, names: Iterable[str]) -> Sequence[str]:
    wanted = {f"[{backend}-{name}]": name for name in names}
    return [
        name
        for ending, name in wanted.items()
        if any(test.name.endswith(ending) for test in session.items)
    ]
