"""A process that answers questions on sockets it was given, about a state it is told.

    python -m app.dns.serving.worker UDP TCP LINE          (numbers of inherited sockets)

It ends when its parent does.  See ``workers`` for the other end.
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

REPORT_S = 1.0  # between two reports of what was counted


async def work(bound: Bound, line: socket.socket) -> None:
    """Serve until the parent hangs up."""
    reader, writer = await asyncio.open_connection(sock=line)
    setup = await read_frame(reader)
    assert isinstance(setup, Setup), "the first frame says how to answer"
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
                gc.freeze()  # what was loaded stays, and need not be looked through again
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
            writer.write(encode_frame(server.numbers()))
            await writer.drain()
            await asyncio.sleep(REPORT_S)


def main() -> None:
    """Take the sockets and serve."""
    udp, tcp, line = (socket.socket(fileno=int(number)) for number in sys.argv[1:4])
    for inherited in (udp, tcp, line):
        inherited.settimeout(0)
    with suppress(KeyboardInterrupt):
        asyncio.run(work(Bound(udp, tcp), line))


if __name__ == "__main__":
    main()
