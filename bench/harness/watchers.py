"""Many watchers of one server, as a process of their own: how soon each event is with them.

    port, count, format -> as many streams -> "current" -> events -> one line of JSON

Every watcher counts its events; one of twenty also notes when each revision arrives.  They
look for what has come every 2 ms, and that is in the lateness: to be woken for each message
would cost the machine more than reading it.
"""

import json
import re
import select
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from bench.harness import etcd
from bench.harness.load import request

TIMED_EVERY = 20  # of the watchers, one notes when what arrives
READ_BYTES_MAX = 1 << 18
LOOK_EVERY_S = 0.002
ARRIVED_S_MAX = 20.0  # that the last events are waited for


@dataclass(frozen=True, slots=True)
class Stream:
    """How a server is watched, and what its events look like."""

    request: bytes
    current: bytes
    """What is sent when the watch stands."""
    event: bytes
    """What each event has once."""
    revision: re.Pattern[bytes]


def waypost(since: int) -> Stream:
    """Watch Services from a revision on."""
    query = f"kinds=Service&resourceVersion={since}"
    return Stream(
        request("GET", f"/watch?{query}", headers={"Accept": "text/event-stream"}),
        current=b"text/event-stream",
        event=b"\nevent: ADDED",
        revision=re.compile(rb"\nid: (\d+)\nevent: A"),
    )


def of_etcd(_since: int) -> Stream:
    """Watch all keys of Services from now on."""
    return Stream(
        request("POST", "/v3/watch", {"create_request": etcd.prefix("/services/")}),
        current=b'"created":true',
        event=b'"mod_revision":"',
        revision=re.compile(rb'"mod_revision":"(\d+)"'),
    )


STREAMS: Mapping[str, Callable[[int], Stream]] = {"waypost": waypost, "etcd": of_etcd}
TAIL_BYTES = 40  # in which a cut event or revision may begin


class Events:
    """Counts the events of a stream, which may be cut anywhere."""

    def __init__(self, stream: Stream) -> None:
        self.is_current = False
        self.count = 0
        self._stream = stream
        self._cut = b""

    def take(self, piece: bytes) -> None:
        """Count what has come whole with this piece."""
        joined = self._cut + piece
        if self.is_current:
            self.count += joined.count(self._stream.event)
            self._cut = joined[1 - len(self._stream.event) :]
        else:
            self.is_current = self._stream.current in joined
            self._cut = b"" if self.is_current else joined[1 - len(self._stream.current) :]


class TimedEvents(Events):
    """Notes when each revision arrives, too."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream)
        self.arrivals: dict[int, float] = {}
        self._revision, self._end = stream.revision, b""

    def take(self, piece: bytes) -> None:
        """Note the time before anything else."""
        now_s = time.monotonic()
        if self.is_current:
            joined = self._end + piece
            for found in self._revision.finditer(joined):
                self.arrivals.setdefault(int(found[1]), now_s)
            self._end = joined[-TAIL_BYTES:]
        super().take(piece)


def connected(port: int, stream: Stream) -> socket.socket:
    """Ask a server to be watched."""
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(stream.request)
    connection.setblocking(False)  # noqa: FBT003  its own signature
    return connection


def watch(port: int, count: int, stream: Stream) -> None:
    """Be all watchers: say when they are current, read how many events are due, tell all."""
    watchers = [
        Events(stream) if number % TIMED_EVERY else TimedEvents(stream) for number in range(count)
    ]
    sockets = [connected(port, stream) for _ in watchers]
    readers: dict[int, Callable[[], None]] = {
        each.fileno(): partial(_read, each, watcher)
        for each, watcher in zip(sockets, watchers, strict=True)
    }
    with select.epoll() as ready:
        for number in readers:
            ready.register(number, select.EPOLLIN)
        while not all(watcher.is_current for watcher in watchers):
            _read_all(ready, readers)
        print("current", flush=True)
        began_s, begun_s = time.process_time(), time.monotonic()
        until_arrived(ready, readers, watchers)
        passed_s = time.monotonic() - begun_s
    told = {
        "busy": (time.process_time() - began_s) / passed_s,
        "events": [watcher.count for watcher in watchers],
        "arrivals": [each.arrivals for each in watchers if isinstance(each, TimedEvents)],
    }
    print(json.dumps(told), flush=True)


def until_arrived(
    ready: select.epoll, readers: dict[int, Callable[[], None]], watchers: list[Events]
) -> None:
    """Read until standard input has said how many events are due, and they are there."""
    due = 0

    def be_told() -> None:
        nonlocal due
        due = int(sys.stdin.readline())

    readers[sys.stdin.fileno()] = be_told
    ready.register(sys.stdin, select.EPOLLIN)
    while not due:
        _read_all(ready, readers)
    ready.unregister(sys.stdin)
    until_s = time.monotonic() + ARRIVED_S_MAX
    while time.monotonic() < until_s and any(each.count < due for each in watchers):
        _read_all(ready, readers)


def _read(connection: socket.socket, watcher: Events) -> None:
    watcher.take(connection.recv(READ_BYTES_MAX))


def _read_all(ready: select.epoll, readers: Mapping[int, Callable[[], None]]) -> None:
    time.sleep(LOOK_EVERY_S)
    for number, _ in ready.poll(0):
        readers[number]()


if __name__ == "__main__":
    watch(int(sys.argv[1]), int(sys.argv[2]), STREAMS[sys.argv[3]](int(sys.argv[4])))
