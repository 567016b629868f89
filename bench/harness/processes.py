"""Processes on cores of their own, and what the kernel says that they took.

    server, and the PostgreSQL it starts -> the first core
    this process, and the load it starts -> the second core

With a single core both share it, and the run says so.
"""

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.end_to_end.processes import CHECKOUT, Program

CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, LOAD_CORE = CORES[0], CORES[-1]
MB = 1_000_000
SMAPS_LINE = re.compile(r"^(\w+):\s+(\d+) kB$", re.MULTILINE)


def on_server_core(*command: str) -> list[str]:
    """Write the command line that runs a server on its core."""
    return ["taskset", "-c", str(SERVER_CORE), *command]


PINNED = Program(
    command=tuple(on_server_core(sys.executable, "-m", "app")),
    folder=CHECKOUT.folder,
)


def take_load_core() -> None:
    """Keep this process, and what it starts from now on, away from the servers' core."""
    os.sched_setaffinity(0, {LOAD_CORE})


@dataclass(frozen=True, slots=True)
class Used:
    """Seconds of processor time that processes have taken so far."""

    server_s: float
    database_s: float = 0.0

    def since(self, before: "Used") -> "Used":
        """Give what has been taken since."""
        return Used(self.server_s - before.server_s, self.database_s - before.database_s)

    @property
    def all_s(self) -> float:
        """Both together."""
        return self.server_s + self.database_s


def used(pid: int, data: Path | None = None) -> Used:
    """Read the processor time of a server, and of the PostgreSQL in a data folder."""
    database_s = 0.0 if data is None else _cpu_s(postmaster_of(data))
    return Used(_cpu_s(pid), database_s)


def postmaster_of(data: Path) -> int:
    """Give the process id of the PostgreSQL that runs in a data folder."""
    return int((data / "postmaster.pid").read_text().splitlines()[0])


def _cpu_s(pid: int) -> float:
    """Sum the processor time of a process and its children, those that ended too."""
    total_s = 0.0
    parent = psutil.Process(pid)
    for process in (parent, *parent.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total_s += times.user + times.system
        total_s += times.children_user + times.children_system
    return total_s


def resident_mb(pid: int) -> float:
    """Read what a process and its children hold in memory, in millions of bytes."""
    parent = psutil.Process(pid)
    return sum(_resident_mb(each.pid) for each in (parent, *parent.children(recursive=True)))


def _resident_mb(pid: int) -> float:
    rollup = dict(SMAPS_LINE.findall(Path(f"/proc/{pid}/smaps_rollup").read_text()))
    return int(rollup["Rss"]) * 1024 / MB


def peak_mb(pid: int) -> float:
    """Read the most that a process itself ever held, in millions of bytes."""
    status = dict(SMAPS_LINE.findall(Path(f"/proc/{pid}/status").read_text()))
    return int(status["VmHWM"]) * 1024 / MB
