"""Run scenarios one after the other and write down how each went.

    python -m tests.kernel.lab BACKEND RESULTS SCENARIO...

Runs as root in a network of its own.  A line of JSON a scenario, written as soon
as it is known, so that a machine that dies has told what it knew.
"""

import json
import signal
import sys
import time
import traceback
from pathlib import Path
from types import FrameType

from tests.kernel.lab import network
from tests.kernel.lab.backends import BACKENDS
from tests.kernel.lab.lab import Lab
from tests.kernel.lab.scenarios.all import SCENARIOS, Scenario
from tests.kernel.lab.traffic import Servers

SCENARIO_TIME_S = 300  # many times what it takes, by a clock that may run fast when emulated


def main(backend_name: str, results: Path, names: list[str]) -> None:
    """Build the network once and let every scenario begin from empty rules."""
    signal.signal(signal.SIGALRM, _time_is_over)
    network.build()
    Servers(network.PODS).start()
    lab = Lab(BACKENDS[backend_name]())
    with results.open("a", buffering=1) as written:
        for name in names:
            began_s = time.monotonic()
            detail = _judge(SCENARIOS[name], lab)
            seconds = round(time.monotonic() - began_s, 3)
            written.write(
                json.dumps({"scenario": name, "detail": detail, "seconds": seconds}) + "\n"
            )


def _judge(scenario: Scenario, lab: Lab) -> str:
    signal.alarm(SCENARIO_TIME_S)
    try:
        scenario.run(lab)
    except Exception:  # noqa: BLE001  whatever went wrong is the verdict
        return traceback.format_exc()
    else:
        return ""
    finally:
        signal.alarm(0)
        lab.clear()


def _time_is_over(_signal: int, _frame: FrameType | None) -> None:
    raise TimeoutError(f"a scenario has {SCENARIO_TIME_S} s")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
