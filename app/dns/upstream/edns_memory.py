"""Which servers are asked without EDNS, because an OPT record is more than they understand.

    what became of a question with OPT, and of one without -> whether the next has it

A server that refuses OPT, or is silent to it, and answers without is asked
without for a while.  One that has shown an OPT record of late knows EDNS: its
refusal is about the question, its silence a lost packet.

The clock is the caller's.  Source: RFC 6891 sections 6.2.2 and 7.
"""

from app.dns.upstream.server_list import Server

PLAIN_S = 300.0  # that a server without EDNS is asked without, until it is tried again
KNOWN_S = 600.0  # from the last OPT record of a server, that its silence is not put down to ours


class EdnsMemory:
    """What is known of the servers of one list, which bounds it."""

    def __init__(self) -> None:
        self._known_until: dict[Server, float] = {}
        self._plain_until: dict[Server, float] = {}
        self._suspects: set[Server] = set()

    def is_asked_plainly(self, server: Server, now: float) -> bool:
        """Whether a question to ``server`` should have no OPT record."""
        return server in self._suspects or now < self._plain_until.get(server, now)

    def is_known(self, server: Server, now: float) -> bool:
        """Whether ``server`` has shown of late that it knows EDNS."""
        return now < self._known_until.get(server, now)

    def shown(self, server: Server, now: float) -> None:
        """Note that ``server`` has sent an OPT record."""
        self._known_until[server] = now + KNOWN_S
        self._plain_until.pop(server, None)
        self._suspects.discard(server)

    def silent(self, server: Server, now: float, *, was_plain: bool) -> None:
        """Note that ``server`` did not answer; one that is silent to both kinds is just away."""
        if was_plain:
            self._suspects.discard(server)
        elif not self.is_known(server, now):
            self._suspects.add(server)

    def needs_plain(self, server: Server, now: float) -> None:
        """Note that ``server`` answered without OPT what it did not with it."""
        self._suspects.discard(server)
        # What is in force runs out, and is not drawn out by the answers it brings.
        if not self.is_known(server, now) and now >= self._plain_until.get(server, now):
            self._plain_until[server] = now + PLAIN_S
