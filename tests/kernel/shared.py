"""Runs of labs for all workers of a test session, each once, whatever the number of workers.

Whoever asks first runs a lab.  Who asks for one that another worker is running takes
up a lab that nobody has begun, and waits when there is none.

Where verdicts are missing, the first test to find that out shows the console, and the
others say which test that is.
"""

import fcntl
import json
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from tests.kernel.verdicts import Outcome, Verdict

Run = Callable[[Path], Outcome]
"""Runs a lab in an empty folder."""


class SharedRuns:
    """Runs by name, and a folder that all workers know."""

    def __init__(self, folder: Path, runs: Mapping[str, Run]) -> None:
        self._folder = folder
        self._runs = runs

    def outcome(self, name: str) -> Outcome:
        """Give what came of a run."""
        kept = self._folder / f"{name}.json"
        others = [other for other in self._runs if other != name]
        for each in (name, *others):
            if not kept.exists():
                self._run_unless_begun(each)
        with self._alone(name):
            self._run_unless_kept(name)
        read = json.loads(kept.read_text())
        verdicts = {name: Verdict(**verdict) for name, verdict in read["verdicts"].items()}
        return Outcome(verdicts, read["console"])

    def why_unjudged(self, name: str, test: str, console: str) -> str:
        """Show the console to the first test that asks, and that test's name to others."""
        told = self._folder / f"{name}.told"
        with self._alone(name):
            if told.exists():
                return f"no verdict, as for {told.read_text()}, which shows the console"
            told.write_text(test)
        return f"no verdict: the machine ended before, and last showed\n{console}"

    def _run_unless_begun(self, name: str) -> None:
        try:
            with self._alone(name, fcntl.LOCK_NB):
                self._run_unless_kept(name)
        except BlockingIOError:
            return

    def _run_unless_kept(self, name: str) -> None:
        kept = self._folder / f"{name}.json"
        if not kept.exists():
            folder = self._folder / name
            folder.mkdir()
            kept.write_text(json.dumps(asdict(self._runs[name](folder))))

    @contextmanager
    def _alone(self, name: str, how: int = 0) -> Generator[None]:
        with (self._folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | how)
            yield
