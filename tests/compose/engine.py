"""A Docker engine of the test's own, in a network namespace that nothing leaves.

    programs, folder -> dockerd in namespaces of its own -> Engine

Its images come from the test; packets for the ranges of Services that no rule rewrites have a route
to nowhere.
"""

import os
import shutil
import subprocess
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.waiting import eventually

START_S_MAX: Final = 60.0
STOP_S_MAX: Final = 60.0
LOG_SHOWN_MAX: Final = 4_000  # characters of the engine's log, or of a command that failed
PROGRAMS: Final = (
    *("dockerd", "docker", "unshare", "setpriv", "nsenter"),
    *("ip", "iptables", "dig", "curl"),
)
DOCKER: Final = shutil.which("docker") or "false"
SCRIPT: Final = """
set -eu
ip link set lo up
ip route add unreachable 10.96.0.0/12
ip -6 route add unreachable fd00:10:96::/112 2>/dev/null || true # without IPv6 nothing goes there
cd "$1"
exec setpriv --pdeathsig TERM dockerd --data-root "$1/data" --exec-root "$1/exec" \
  --pidfile "$1/pid" --host "unix://$1/socket" >log 2>&1
"""


@dataclass(frozen=True, slots=True)
class Engine:
    """A running engine; its containers and their networks are in its namespace."""

    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def socket(self) -> Path:
        """The Unix socket of its API."""
        return self.folder / "socket"

    def ran(self, *command: str, **variables: str) -> str:
        """Run a client of the engine to its end; gives its output, or fails with it."""
        done = self.tried(*command, **variables)
        shown = f"{' '.join(command)}\n{done.stdout}{done.stderr}"[-LOG_SHOWN_MAX:]
        assert done.returncode == 0, shown
        return done.stdout

    def tried(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a client of the engine, which may fail."""
        return subprocess.run(
            command,
            env={**self._environment(), **variables},
            capture_output=True,
            text=True,
            check=False,
        )

    def docker(self, *words: str) -> str:
        """Run docker."""
        return self.ran(DOCKER, *words)

    def inside(self, *command: str) -> str:
        """Run a program in the network namespace of the engine, where ports are published."""
        return self.ran("nsenter", f"--net=/proc/{self.process.pid}/ns/net", *command)

    def inspected(self, name: str, template: str) -> str:
        """Read one value of a container or an image."""
        return self.docker("inspect", "--format", template, name).strip()

    def _environment(self) -> Mapping[str, str]:
        # The builder that every version has; the other one is a plug-in.
        ours = {"DOCKER_HOST": f"unix://{self.socket}", "DOCKER_BUILDKIT": "0"}
        others = {name: value for name, value in os.environ.items() if "WAYPOST" not in name}
        return {**others, **ours}


@asynccontextmanager
async def running_engine(folder: Path) -> AsyncGenerator[Engine]:
    """Start an engine, and stop it with all its containers; raises RuntimeError if it does not."""
    command = ("unshare", "--net", "--mount", "sh", "-c", SCRIPT, "sh", str(folder))
    engine = Engine(folder, _started(command))

    async def is_ready() -> bool:
        if engine.process.poll() is not None:
            raise RuntimeError(f"dockerd ended: {(folder / 'log').read_text()[-LOG_SHOWN_MAX:]}")
        return engine.tried(DOCKER, "info").returncode == 0

    try:
        await eventually(is_ready, within_s=START_S_MAX)
        yield engine
        if left := engine.docker("ps", "--all", "--quiet").split():
            engine.docker("rm", "--force", *left)
    finally:
        engine.process.terminate()
        engine.process.wait(STOP_S_MAX)
        shutil.rmtree(folder, ignore_errors=True)


def _started(command: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command)


def lacking() -> str:
    """Say why no engine can be started here; empty if one can."""
    if os.geteuid() != 0:
        return "an engine of the test's own needs root"
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"an engine of the test's own needs {', '.join(missing)}"
    return "" if compose_command() else "neither docker compose nor docker-compose is installed"


def compose_command() -> Sequence[str]:
    """Find compose, as Docker's plugin or as the program it once was; empty without either."""
    plugin = subprocess.run((DOCKER, "compose", "version"), capture_output=True, check=False)
    if plugin.returncode == 0:
        return (DOCKER, "compose")
    return ("docker-compose",) if shutil.which("docker-compose") else ()
