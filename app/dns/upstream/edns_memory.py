"""Remembers which servers do not support EDNS and must be asked without an OPT record.

    outcomes of questions with OPT and without -> whether the next question has it

A server that refuses OPT, or does not answer it, but answers without is asked without
OPT for a while.  A server that has recently sent an OPT record supports EDNS: its
refusal concerns the question, and a missing answer is a lost packet.

The clock is the caller's.  Source: RFC 6891 sections 6.2.2 and 7.
"""

from app.dns.upstream.server_list import Server

PLAIN_S = 300.0  # without OPT for a server without EDNS, until OPT is tried again
KNOWN_S = 600.0  # after a server's last OPT record in which it counts as supporting EDNS


class EdnsMemory:
    """EDNS support of the servers of one list, which bounds its size."""

    def __init__(self) -> None:
        self._known_until: dict[Server, float] = {}
        self._plain_until: dict[Server, float] = {}
        self._suspects: set[Server] = set()

    def is_asked_plainly(self, server: Server, now: float) -> bool:
        """Whether a question to ``server`` should have no OPT record."""
        return server in self._suspects or now < self._plain_until.get(server, now)

    def is_known(self, server: Server, now: float) -> bool:
        """Whether ``server`` has recently shown that it supports EDNS."""
        return now < self._known_until.get(server, now)

    def shown(self, server: Server, now: float) -> None:
        """Note that ``server`` has sent an OPT record."""
        self._known_until[server] = now + KNOWN_S
        self._plain_until.pop(server, None)
        self._suspects.discard(server)

    def silent(self, server: Server, now: float, *, was_plain: bool) -> None:
        """Note that ``server`` did not answer; if it answers neither kind it is simply down."""
        if was_plain:
            self._suspects.discard(server)
        elif not self.is_known(server, now):
            self._suspects.add(server)

    def needs_plain(self, server: Server, now: float) -> None:
        """Note that ``server`` answered without OPT a question that it did not answer with it."""
        self._suspects.discard(server)
        # A period in force must end at some time: the answers during it do not extend it.
        if not self.is_known(server, now) and now >= self._plain_until.get(server, now):
            self._plain_until[server] = now + PLAIN_S
