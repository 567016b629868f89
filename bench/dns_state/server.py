"""The server under test: it says when it is ready, and at its end how much memory it took.

python bench/dns_state/server.py PORT SERVICES ENDPOINTS
"""

import asyncio
import gc
import os
import resource
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from app.dns.serving.server import DNSServer
from app.registry.reads.view import View
from bench.dns_state.cluster import config, snapshot


async def serve(port: int, services: int, endpoints: int) -> None:
    """Serve until told to stop."""
    view, state = View(), snapshot(services, endpoints)
    view.reset(state, history=(), compacted=state.revision)
    server = DNSServer(view, config())
    await server.start("127.0.0.1", port)
    gc.collect()
    gc.freeze()
    print("ready", flush=True)
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    await stopping.wait()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 // 1_000_000
    print(f"{_resident_mb()} MB of memory, {peak} MB at most")
    await server.close()


def _resident_mb() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") // 1_000_000


if __name__ == "__main__":
    asyncio.run(serve(*map(int, sys.argv[1:4])))
