"""Deadlines of draining real servers.

    draining real servers, now -> Drains -> those past their deadline

A server that is desired again is forgotten, and has a full deadline when it drains
once more.  Source: spec ipvs 6; 7, "do better" (g).
"""

from collections.abc import Collection

from app.domain.dataplane.ipvs.operations import RealServerKey


class Drains:
    """Real servers that drain, for at most ``patience_s`` each."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._since_s: dict[RealServerKey, float] = {}

    def __len__(self) -> int:
        return len(self._since_s)

    def await_only(self, servers: Collection[RealServerKey], *, now_s: float) -> None:
        """Track exactly these servers, each from the time it was first named."""
        self._since_s = {server: self._since_s.get(server, now_s) for server in servers}

    def servers(self) -> tuple[RealServerKey, ...]:
        """Return the draining servers."""
        return tuple(self._since_s)

    def overdue(self, now_s: float) -> frozenset[RealServerKey]:
        """Return the servers past their deadline."""
        patience_s = self._patience_s
        return frozenset(
            server for server, since_s in self._since_s.items() if now_s - since_s >= patience_s
        )
