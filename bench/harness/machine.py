"""What a run was made on, for whoever compares it with another."""

import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[2]
GIB = 1 << 30


def about() -> dict[str, str]:
    """Describe the machine, the moment and the commit."""
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    processors = f"{len(os.sched_getaffinity(0))} × {_model()}"  # noqa: RUF001  times
    return {
        "Machine": f"{processors}, {memory_bytes / GIB:.0f} GiB, Linux {platform.release()}",
        "Python": platform.python_version(),
        "Load before": f"{os.getloadavg()[0]:.1f}",
        "Date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "Commit": commit(),
    }


def commit() -> str:
    """Name the commit, and say when files differ from it."""
    git = shutil.which("git")
    if git is None:
        return "unknown"

    def said(*words: str) -> str:
        command = [git, "-C", str(ROOT), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        return done.stdout.strip()

    changed = said("status", "--porcelain", "--untracked-files=no")
    return (said("rev-parse", "--short", "HEAD") or "unknown") + (", and changes" * bool(changed))


def program(name: str) -> str | None:
    """Find an installed program, also one of administrators; None when there is none."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


def _model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(": ")[2]
    return platform.machine()
