"""Real connections: every Pod serves, anyone calls.

A server says who it is and whom it sees, in one line of JSON, then repeats what
it is sent.  One thread serves all Pods; each socket belongs to the namespace it
was made in.
"""

import json
import selectors
import socket
import threading
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from tests.kernel.lab.namespaces import inside

SERVER_PORT = 8080
ANSWER_TIMEOUT_S = 10.0

_TYPES: Final = {
    "tcp": (socket.SOCK_STREAM, 0),
    "udp": (socket.SOCK_DGRAM, 0),
    "sctp": (socket.SOCK_STREAM, socket.IPPROTO_SCTP),
}
_STREAMS: Final = ("tcp", "sctp")
_READ_MAX = 4096  # bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """Which Pod answered, and the source address it saw."""

    pod: str
    source: str


class Unanswered(Exception):
    """Nobody answered in time, where a refusal would have come at once."""


class Connection:
    """An open connection to whichever Pod took it."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self.answer = _decode(_line(connected))

    def echoes(self, text: str) -> bool:
        """Whether the server still repeats what it is sent."""
        self._socket.sendall(f"{text}\n".encode())
        return _line(self._socket).decode() == text

    def close(self) -> None:
        """End the connection."""
        self._socket.close()


def call(  # noqa: PLR0913  a call is what it is
    caller: str,
    address: str,
    port: int,
    *,
    protocol: str = "tcp",
    source: str = "",
    patience_s: float = ANSWER_TIMEOUT_S,
) -> Answer:
    """Connect from a namespace and learn who answers.

    Raises ConnectionRefusedError, or Unanswered when nothing comes back.
    """
    if protocol == "udp":
        with open_udp(caller, address, port, source=source) as asking:
            return ask(asking)
    connecting = _socket(caller, address, protocol, source)
    with closing(_connected(connecting, address, port, patience_s)) as made:
        return made.answer


def connect(
    caller: str,
    address: str,
    port: int,
    *,
    source: str = "",
    patience_s: float = ANSWER_TIMEOUT_S,
) -> Connection:
    """Open a TCP connection from a namespace and keep it."""
    return _connected(_socket(caller, address, "tcp", source), address, port, patience_s)


def _connected(connecting: socket.socket, address: str, port: int, patience_s: float) -> Connection:
    connecting.settimeout(patience_s)
    try:
        connecting.connect((address, port))
        return Connection(connecting)
    except TimeoutError as error:
        connecting.close()
        raise Unanswered(f"{address}:{port}") from error
    except BaseException:
        connecting.close()
        raise


def open_udp(caller: str, address: str, port: int, *, source: str = "") -> socket.socket:
    """Make a UDP socket that keeps its source port, as a long-lived client does."""
    asking = _socket(caller, address, "udp", source)
    asking.connect((address, port))
    return asking


def ask(asking: socket.socket) -> Answer:
    """Send one datagram and wait for its answer; raises as ``call`` does."""
    try:
        asking.send(b"who\n")
        return _decode(asking.recv(_READ_MAX))
    except TimeoutError as error:
        raise Unanswered(f"{asking.getpeername()}/udp") from error


def _socket(caller: str, address: str, protocol: str, source: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with inside(caller):
        made = socket.socket(family, *_TYPES[protocol])
    made.settimeout(ANSWER_TIMEOUT_S)
    if source:
        made.bind((source, 0))
    return made


def _line(connected: socket.socket) -> bytes:
    read = b""
    while not read.endswith(b"\n"):
        piece = connected.recv(_READ_MAX)
        if not piece:
            raise ConnectionResetError("the server closed before it answered")
        read += piece
    return read.rstrip(b"\n")


def _decode(line: bytes) -> Answer:
    said = json.loads(line)
    return Answer(said["pod"], said["source"])


class Servers:
    """Serve TCP and UDP in every Pod until the process ends."""

    def __init__(self, pods: Iterable[str]) -> None:
        self._selector = selectors.DefaultSelector()
        for pod in pods:
            for protocol in _TYPES:
                if protocol == "sctp" and not has_sctp():
                    continue
                listening = _listening(pod, protocol)
                self._selector.register(listening, selectors.EVENT_READ, (protocol, pod))

    def start(self) -> None:
        """Begin to answer."""
        threading.Thread(target=self._serve, name="servers", daemon=True).start()

    def _serve(self) -> None:
        while True:
            for key, _ in self._selector.select():
                assert isinstance(key.fileobj, socket.socket)
                role, pod = key.data
                try:
                    self._step(key.fileobj, role, pod)
                except OSError:  # the peer is gone, or rules have cut it off
                    self._forget(key.fileobj, role)

    def _step(self, ready: socket.socket, role: str, pod: str) -> None:
        if role == "udp":
            _, peer = ready.recvfrom(_READ_MAX)
            ready.sendto(_introduction(pod, peer[0]), peer)
        elif role in _STREAMS:
            accepted, peer = ready.accept()
            accepted.setblocking(False)  # noqa: FBT003  positional by definition
            accepted.send(_introduction(pod, peer[0]))
            self._selector.register(accepted, selectors.EVENT_READ, ("echo", pod))
        elif received := ready.recv(_READ_MAX):
            ready.send(received)
        else:
            self._forget(ready, role)

    def _forget(self, ended: socket.socket, role: str) -> None:
        if role == "echo":
            self._selector.unregister(ended)
            ended.close()


def has_sctp() -> bool:
    """Whether this kernel speaks SCTP."""
    try:
        socket.socket(socket.AF_INET, *_TYPES["sctp"]).close()
    except OSError:
        return False
    return True


def _listening(pod: str, protocol: str) -> socket.socket:
    with inside(pod):
        listening = socket.socket(socket.AF_INET6, *_TYPES[protocol])
    listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("::", SERVER_PORT))
    listening.setblocking(False)  # noqa: FBT003  positional by definition
    if protocol in _STREAMS:
        listening.listen(128)
    return listening


def _introduction(pod: str, source: str) -> bytes:
    return json.dumps({"pod": pod, "source": source.removeprefix("::ffff:")}).encode() + b"\n"
