"""Questions to a DNS server over UDP, written by hand so that they cost the load little."""

import socket

from bench.harness.wire import DOMAIN, name_of

ANSWER_S_MAX, TRIES_MAX = 2.0, 60
A, SRV = 1, 33
NOERROR, RCODE_MASK = 0, 0x0F
RCODE_PLACE, COUNT = 3, slice(6, 8)


class Unanswered(Exception):
    """A name was not answered, or not with a record."""


class Names:
    """A socket that asks one server."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(ANSWER_S_MAX)
        self._socket.connect(("127.0.0.1", port))

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def ask(self, name: str, qtype: int = A) -> int:
        """Ask once; gives the number of records in the answer."""
        self._socket.send(question(name, qtype))
        answer = self._socket.recv(4_096)
        if answer[RCODE_PLACE] & RCODE_MASK != NOERROR:
            return 0
        return int.from_bytes(answer[COUNT])

    def ask_all(self, services: int, *, ports: bool = False) -> None:
        """Ask for every Service until it is answered.

        Raises Unanswered when one still is not after many tries.
        """
        for number in range(services):
            self._until_answered(f"{name_of(number)}.{DOMAIN}", A)
            if ports:
                self._until_answered(f"_http._tcp.{name_of(number)}.{DOMAIN}", SRV)

    def _until_answered(self, name: str, qtype: int) -> None:
        for _ in range(TRIES_MAX):
            try:
                if self.ask(name, qtype):
                    return
            except TimeoutError:
                continue
        raise Unanswered(name)


def question(name: str, qtype: int = A) -> bytes:
    """Write a question as it goes over the wire."""
    labels = (part.encode() for part in name.split("."))
    wire = b"".join(bytes((len(label),)) + label for label in labels)
    return b"\0\1\1\0\0\1\0\0\0\0\0\0" + wire + b"\0" + qtype.to_bytes(2) + b"\0\1"
