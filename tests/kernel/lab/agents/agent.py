"""The agent of one node, as a process in its node's namespace.

    Agent -> a server that has loaded the program -> a fork of it -> `waypost agent ...`

Loading takes seconds in an emulated machine, and agents are started many times.
"""

import multiprocessing
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.kernel.lab.namespaces import inside
from tests.kernel.lab.network import FABRIC_HOST

API_PORT: Final = 8053
URL: Final = f"http://{FABRIC_HOST.ip}:{API_PORT}"
START_S_MAX: Final = 120.0
RESYNC_S: Final = 3

_processes: Final = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(
    [
        *("app.__main__", "app.agent.process", "app.config"),
        *("anyio._backends._asyncio", "httpcore", "uvloop"),  # loaded at their first use
    ]
)


class Agent:
    """A process that can be killed, stopped and waited for."""

    def __init__(self, node: str, backend: str, *flags: str) -> None:
        descriptor, name = tempfile.mkstemp()
        os.close(descriptor)
        self._log = Path(name)
        arguments = (
            *("agent", "--node", node, "--api", URL, "--backend", backend),
            *("--resync", str(RESYNC_S), *flags),
        )
        # A daemon does not outlive the lab.
        self._process = _processes.Process(
            target=_run, args=(node, self._log, arguments), daemon=True
        )
        self._process.start()

    def kill(self) -> None:
        """End it without a word, as a crash does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end."""
        self._end(signal.SIGTERM)

    def wait(self, within_s: float = START_S_MAX) -> str:
        """Let it come to its end, and give what it said."""
        self._process.join(within_s)
        assert self._process.exitcode == 0, self.log()
        return self.log()

    def log(self) -> str:
        """Give what it has said so far."""
        return self._log.read_text(errors="replace")

    def _end(self, number: signal.Signals) -> None:
        assert self._process.pid is not None, "it was started"
        os.kill(self._process.pid, number)
        self._process.join(START_S_MAX)
        assert self._process.exitcode is not None, "it goes on"


def _run(node: str, log: Path, arguments: tuple[str, ...]) -> None:
    """Be what a shell would have started there."""
    from app.__main__ import main  # noqa: PLC0415  the lab itself does not run it

    with log.open("wb") as said:
        os.dup2(said.fileno(), sys.stdout.fileno())
        os.dup2(said.fileno(), sys.stderr.fileno())
    sys.argv = ["waypost", *arguments]
    with inside(node):
        main()
