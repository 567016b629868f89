"""One machine a backend and run, whatever the number of workers that ask for its verdicts."""

import fcntl
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.kernel.lab.agents.story import CHAPTERS
from tests.kernel.lab.scenarios.all import SCENARIOS
from tests.kernel.machines import AGENTS_LAB, LAB, MachineFailed, Report, Verdict, lacking, run_lab


@pytest.fixture(scope="session")
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Give the verdicts of a backend; the first to ask runs every scenario that was selected."""
    shared = _shared_folder(tmp_path_factory)
    return _reporting(
        lambda backend: _shared(backend, _selected(request.session, backend, SCENARIOS), shared)
    )


@pytest.fixture(scope="session")
def agent_report(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Report:
    """Give the verdicts on an agent's life, which is told from its beginning."""
    shared = _shared_folder(tmp_path_factory)

    def verdicts(backend: str) -> Mapping[str, Verdict]:
        selected = _selected(request.session, backend, CHAPTERS)
        last = max(list(CHAPTERS).index(name) for name in selected)
        return _shared(backend, list(CHAPTERS)[: last + 1], shared, lab_module=AGENTS_LAB)

    return _reporting(verdicts)


def _shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shared = tmp_path_factory.getbasetemp()
    return shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared


def _reporting(verdicts: Report) -> Report:
    known: dict[str, Mapping[str, Verdict]] = {}

    def report(backend: str) -> Mapping[str, Verdict]:
        if backend not in known:
            _require(backend)
            known[backend] = verdicts(backend)
        return known[backend]

    return report


def _require(backend: str) -> None:
    if reason := lacking(backend):
        if os.environ.get("CI"):
            pytest.fail(f"{backend}: {reason}; in continuous integration these tests must run")
        pytest.skip(f"{backend}: {reason}")


def _selected(session: pytest.Session, backend: str, names: Iterable[str]) -> list[str]:
    wanted = {f"[{backend}-{name}]": name for name in names}
    return [
        name
        for ending, name in wanted.items()
        if any(test.name.endswith(ending) for test in session.items)
    ]


def _shared(
    backend: str, scenarios: list[str], shared: Path, *, lab_module: str = LAB
) -> Mapping[str, Verdict]:
    """Run the machine, or wait for the worker that does; its failure is everyone's."""
    kept = shared / f"{lab_module}-{backend}.json"
    with (shared / f"{lab_module}-{backend}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            folder = shared / f"{lab_module}-{backend}"
            folder.mkdir()
            kept.write_text(json.dumps(_outcome(backend, scenarios, folder, lab_module)))
    outcome = json.loads(kept.read_text())
    if failure := outcome["failure"]:
        pytest.fail(failure)
    return {read["scenario"]: Verdict(**read) for read in outcome["verdicts"]}


def _outcome(
    backend: str, scenarios: list[str], folder: Path, lab_module: str
) -> dict[str, object]:
    try:
        verdicts = run_lab(backend, scenarios, folder, lab_module=lab_module)
    except MachineFailed as failed:
        return {"failure": str(failed), "verdicts": []}
    return {"failure": "", "verdicts": [asdict(verdict) for verdict in verdicts.values()]}
