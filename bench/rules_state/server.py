"""The server that nodes follow: state in memory, over real sockets, changed as it is told to.

a line of standard input -> the next revision        "add 7", "roll 0 100"
standard output          -> that revision, when it became visible, CPU seconds so far

python bench/rules_state/server.py SERVICES ENDPOINTS NODES
"""

import asyncio
import sys
import time
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).parents[2]))

import uvloop
from prometheus_client import CollectorRegistry

from app.api import application
from app.api.objects.streams import Watching
from app.api.transport.server import HTTPServer, listen
from app.domain.dataplane.rules.model import RulesConfig
from app.registry.node_rules import NodeRulesReader
from app.registry.reads.view import View
from app.registry.reads.watch import Notifier
from bench.rules_state.cluster import NODE_PORTS, Size, a_view, add_endpoint, roll


async def serve(size: Size) -> None:
    """Serve until standard input ends."""
    view = a_view(size)
    app, watching = application.build(version="bench"), Watching(view, Notifier(view))
    rules = NodeRulesReader(view, RulesConfig(), node_ports=NODE_PORTS)
    await rules.warm()  # as a process does when it starts
    app.state.registry = SimpleNamespace(
        view=view,
        rules=rules,
        watching=watching,
        metrics=CollectorRegistry(),
    )
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        server = HTTPServer(app, started=lambda: print(port, flush=True), stopping=watching.stop)
        commands = asyncio.create_task(obey(view, size, server))
        await server.serve([listener])
        await commands


async def obey(view: View, size: Size, server: HTTPServer) -> None:
    """Change the state as told, line by line."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        match line.split():
            case ["add", number]:
                add_endpoint(view, int(number))
            case ["roll", first, last]:
                roll(view, range(int(first), int(last)), size)
            case _:
                pass
        print(view.snapshot.revision, time.perf_counter(), time.process_time(), flush=True)
    server.should_exit = True


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(Size(*map(int, sys.argv[1:4]))))
