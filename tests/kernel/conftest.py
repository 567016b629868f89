"""One machine a backend and run, whatever the number of workers that ask for its verdicts."""

import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.kernel.lab.scenarios.all import SCENARIOS
from tests.kernel.machines import MachineFailed, Report, Verdict, lacking, run_lab


@pytest.fixture(scope="session")
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Give the verdicts of a backend; the first to ask runs every scenario that was selected."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    known: dict[str, Mapping[str, Verdict]] = {}

    def verdicts(backend: str) -> Mapping[str, Verdict]:
        if backend not in known:
            _require(backend)
            known[backend] = _shared(backend, _selected(request.session, backend), shared)
        return known[backend]

    return verdicts


def _require(backend: str) -> None:
    if reason := lacking(backend):
        if os.environ.get("CI"):
            pytest.fail(f"{backend}: {reason}; in continuous integration these tests must run")
        pytest.skip(f"{backend}: {reason}")


def _selected(session: pytest.Session, backend: str) -> list[str]:
    wanted = {f"[{backend}-{name}]": name for name in SCENARIOS}
    return [
        name
        for ending, name in wanted.items()
        if any(test.name.endswith(ending) for test in session.items)
    ]


def _shared(backend: str, scenarios: list[str], shared: Path) -> Mapping[str, Verdict]:
    """Run the machine, or wait for the worker that does; its failure is everyone's."""
    kept = shared / f"kernel-{backend}.json"
    with (shared / f"kernel-{backend}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            folder = shared / f"kernel-{backend}"
            folder.mkdir()
            kept.write_text(json.dumps(_outcome(backend, scenarios, folder)))
    outcome = json.loads(kept.read_text())
    if failure := outcome["failure"]:
        pytest.fail(failure)
    return {read["scenario"]: Verdict(**read) for read in outcome["verdicts"]}


def _outcome(backend: str, scenarios: list[str], folder: Path) -> dict[str, object]:
    try:
        verdicts = run_lab(backend, scenarios, folder)
    except MachineFailed as failed:
        return {"failure": str(failed), "verdicts": []}
    return {"failure": "", "verdicts": [asdict(verdict) for verdict in verdicts.values()]}
