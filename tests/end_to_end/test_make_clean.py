"""`make clean` does not take the files of a running program away."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def make_clean(folder: Path) -> subprocess.CompletedProcess[str]:
    command = ["make", "clean"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_what_runs_from_the_environment_is_to_be_stopped_first(tmp_path: Path) -> None:
    for name in ("app", "tests", "waypost", ".venv/bin"):
        (tmp_path / name).mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", tmp_path)
    program = tmp_path / ".venv/bin/sleep"
    shutil.copy(shutil.which("sleep") or "", program)
    with subprocess.Popen([program, "60"]) as running:
        refused = make_clean(tmp_path)
        running.kill()
    assert refused.returncode != 0
    assert f"stop what runs from .venv first: process {running.pid}\n" in refused.stderr
    assert program.exists()
    assert make_clean(tmp_path).returncode == 0
    assert not program.exists()
