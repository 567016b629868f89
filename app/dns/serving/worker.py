"""A worker process: serves DNS on inherited sockets, from a state that its parent sends.

    python -m app.dns.serving.worker UDP TCP LINE          (numbers of inherited sockets)

It ends when its parent does.  ``workers`` is the parent's side.
"""

import asyncio
import gc
import socket
import sys
from contextlib import suppress

from app.dns.serving.frames import Committed, Loaded, Part, Setup, encode_frame, read_frame
from app.dns.serving.server import DNSServer
from app.dns.serving.sockets import Bound
from app.domain.changes import Change
from app.domain.objects.resource import Object
from app.domain.snapshot import load
from app.registry.reads.view import View
from app.registry.threads import shorten_switch_interval

REPORT_S = 1.0  # between two reports of the counters


async def work(bound: Bound, line: socket.socket) -> None:
    """Serve until the parent closes the connection."""
    reader, writer = await asyncio.open_connection(sock=line)
    setup = await read_frame(reader)
    assert isinstance(setup, Setup), "the first frame has the settings"
    shorten_switch_interval()
    view = View()
    server = DNSServer(view, setup.config, setup.options)
    await server.serve_on(bound)
    reports = asyncio.create_task(_report(server, writer))
    try:
        await _follow(reader, view)
    finally:
        reports.cancel()
        await server.close()
        writer.close()


async def _follow(reader: asyncio.StreamReader, view: View) -> None:
    objects: list[Object] = []
    pending: list[Change] = []
    while (frame := await read_frame(reader)) is not None:
        match frame:
            case Part():
                objects.extend(frame.objects)
            case Loaded():
                snapshot = load(objects, revision=frame.revision)
                view.reset(snapshot, history=(), compacted=frame.revision)
                objects.clear()
                gc.collect()
                gc.freeze()  # the loaded state is long-lived: exempt it from garbage collection
            case Committed():
                pending.extend(frame.changes)
                if not frame.has_more:
                    await view.show(pending)
                    pending.clear()
            case _:
                pass


async def _report(server: DNSServer, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while True:
            writer.write(encode_frame(server.stats()))
            await writer.drain()
            await asyncio.sleep(REPORT_S)


def main() -> None:
    """Serve on the inherited sockets."""
    udp, tcp, line = (socket.socket(fileno=int(number)) for number in sys.argv[1:4])
    for inherited in (udp, tcp, line):
        inherited.settimeout(0)
    with suppress(KeyboardInterrupt):
        asyncio.run(work(Bound(udp, tcp), line))


if __name__ == "__main__":
    main()
