"""Tell the story of an agent and write down how each chapter went.

    python -m tests.kernel.lab.agents BACKEND RESULTS CHAPTER...

A chapter goes on from the one before, so what follows a failed one fails too.
"""

import json
import sys
import time
import traceback
from pathlib import Path

from tests.kernel.lab import network
from tests.kernel.lab.agents.cluster import the_cluster
from tests.kernel.lab.agents.kernels import KERNELS
from tests.kernel.lab.agents.story import CHAPTERS, Story
from tests.kernel.lab.traffic import Servers


def main(backend: str, results: Path, names: list[str]) -> None:
    """Build the network, start the API and tell the story."""
    network.build()
    Servers(network.PODS).start()
    story = Story(backend, KERNELS[backend](), the_cluster())
    with results.open("a", buffering=1) as written:
        for name in names:
            began_s = time.monotonic()
            detail = _judge(name, story)
            seconds = round(time.monotonic() - began_s, 3)
            written.write(
                json.dumps({"scenario": name, "detail": detail, "seconds": seconds}) + "\n"
            )


def _judge(name: str, story: Story) -> str:
    try:
        CHAPTERS[name](story)
    except Exception:  # noqa: BLE001  whatever went wrong is the verdict
        log = "" if story.agent is None else story.agent.log()
        return f"{traceback.format_exc()}\nthe agent said:\n{log}"
    else:
        return ""


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
