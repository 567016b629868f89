"""Machines that die, and how that is told: soon, with their last words, once."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.kernel.machine import PROGRAMS, boot, lacking, run_bounded
from tests.kernel.shared import SharedRuns
from tests.kernel.verdicts import Outcome, Verdict, read_verdicts, run_lab

BOOT_TIMEOUT_S = 120
WAIT_S_MAX = 60
HOLDS = Verdict(scenario="holds", detail="", seconds=1.5)


@pytest.mark.kernel
@pytest.mark.usefixtures("machine")
def test_a_lab_that_does_not_start_says_why(tmp_path: Path) -> None:
    outcome = run_lab("tests.kernel.no_lab", "nftables", ["holds"], tmp_path)
    assert outcome.verdicts == {}
    assert "No module named tests.kernel.no_lab" in outcome.console
    assert "the lab ended with 1" in outcome.console


@pytest.mark.kernel
@pytest.mark.usefixtures("machine")
def test_a_kernel_that_dies_ends_its_machine_and_shows_its_panic(tmp_path: Path) -> None:
    crash = ("sh", "-c", "echo last words; echo c > /proc/sysrq-trigger")
    console = boot(crash, tmp_path, timeout_s=BOOT_TIMEOUT_S)
    before, words, after = console.partition("last words")
    assert words, before
    assert "Kernel panic" in after, after
    assert "the machine was ended" not in after


def test_a_machine_that_hangs_is_ended_and_that_is_said(tmp_path: Path) -> None:
    with (tmp_path / "console").open("wb") as console:
        run_bounded(("sleep", "60"), tmp_path, console, timeout_s=0.1)
    assert "the machine was ended after 0.1 s" in (tmp_path / "console").read_text()


def test_programs_and_a_kernel_that_are_missing_are_named(tmp_path: Path) -> None:
    assert "qemu-system-x86_64" in lacking(path=str(tmp_path))
    for name in PROGRAMS:
        (tmp_path / name).touch(mode=0o755)
    assert "linux-image-cloud-amd64" in lacking(path=str(tmp_path), places=[tmp_path])


def test_verdicts_that_were_written_before_a_machine_died_are_kept() -> None:
    written = '{"scenario": "holds", "detail": "", "seconds": 1.5}\r\n{"scenario": "ha'
    assert read_verdicts(written) == {"holds": HOLDS}


def test_a_run_is_shared_by_all_workers(tmp_path: Path) -> None:
    ran: list[Path] = []

    def run(folder: Path) -> Outcome:
        ran.append(folder)
        return Outcome({"holds": HOLDS}, "the console")

    outcomes = [SharedRuns(tmp_path, {"lab": run}).outcome("lab") for _worker in range(3)]
    assert len(ran) == 1
    assert outcomes == [Outcome({"holds": HOLDS}, "the console")] * 3


def test_who_would_wait_for_a_run_takes_up_another(tmp_path: Path) -> None:
    with ThreadPoolExecutor() as workers:
        waiting: list[Future[Outcome]] = []
        other_is_run = threading.Event()

        def run(_folder: Path) -> Outcome:
            waiting.append(workers.submit(SharedRuns(tmp_path, runs).outcome, "lab"))
            assert other_is_run.wait(WAIT_S_MAX)
            return Outcome({}, "of the first")

        def run_other(_folder: Path) -> Outcome:
            other_is_run.set()
            return Outcome({}, "of the other")

        runs = {"lab": run, "other": run_other}
        assert SharedRuns(tmp_path, runs).outcome("lab").console == "of the first"
        assert waiting[0].result(WAIT_S_MAX).console == "of the first"
        assert SharedRuns(tmp_path, {}).outcome("other").console == "of the other"


def test_the_console_of_a_dead_machine_is_shown_once(tmp_path: Path) -> None:
    first, *others = (
        SharedRuns(tmp_path, {}).why_unjudged("lab", f"test_{number}", "Kernel panic")
        for number in range(38)
    )
    assert "Kernel panic" in first
    assert set(others) == {"no verdict, as for test_0, which shows the console"}
