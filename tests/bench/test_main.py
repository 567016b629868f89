from pathlib import Path

import pytest

from bench.__main__ import run_all
from bench.harness.figures import Figure
from bench.harness.registries import Registries
from bench.harness.run import Options, Run
from bench.harness.wire import Size

FIGURE = Figure("what", "s", peer="the peer")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    options = Options(size=Size(1), rounds=3, seconds=1, is_large=False)
    return Run(options, tmp_path, Registries(tmp_path))


async def noting(run: Run) -> None:
    for number in run.rounds():
        run.note(FIGURE, number)
        run.note_peer(FIGURE, 10 * number)


async def breaking(run: Run) -> None:
    run.note(FIGURE, 7)
    raise ConnectionError("the server ended")


async def test_each_benchmark_has_its_own_figures_of_all_rounds(run: Run) -> None:
    figures, is_sound = await run_all({"one": noting, "two": noting}, run)
    assert is_sound
    for name in ("one", "two"):
        (taken,) = figures[name]
        assert (taken.values, taken.peer_values) == ([0, 1, 2], [0, 10, 20])


async def test_one_that_breaks_off_keeps_what_it_noted_and_stops_no_other(run: Run) -> None:
    figures, is_sound = await run_all({"one": breaking, "two": noting}, run)
    assert not is_sound
    assert [taken.values for taken in figures["one"]] == [[7]]
    assert [taken.values for taken in figures["two"]] == [[0, 1, 2]]
    assert run.remarks == ["one broke off: ConnectionError: the server ended"]


def test_a_missing_program_is_remarked_once(run: Run) -> None:
    assert run.has("sh")
    assert not run.has("sh", "no-such-program")
    assert not run.has("sh", "no-such-program")
    assert run.remarks == ["not installed, so not measured: no-such-program"]
