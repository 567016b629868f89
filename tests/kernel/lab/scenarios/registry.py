"""Scenarios by name: what real connections must do, and for which backends.

Each begins from empty rules and runs in the lab's process, whose thread owns the
servers.  An AssertionError, or anything else raised, is the verdict.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tests.kernel.lab.lab import Lab

BACKENDS: Final = ("ipvs", "nftables")

Run = Callable[[Lab], None]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One thing that must hold, for the backends named."""

    run: Run
    backends: tuple[str, ...]


SCENARIOS: Final[dict[str, Scenario]] = {}


def scenario(*backends: str) -> Callable[[Run], Run]:
    """Register a function under its own name; without arguments for every backend."""

    def register(run: Run) -> Run:
        assert run.__name__ not in SCENARIOS, run.__name__
        SCENARIOS[run.__name__] = Scenario(run, backends or BACKENDS)
        return run

    return register
