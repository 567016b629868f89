"""How long real servers that are not wanted any more are waited for.

    waiting real servers, now -> Drains -> those whose time is over

A server that becomes wanted again is forgotten, and has all its time when it
goes once more.  Source: spec ipvs 6; 7, "do better" (g).
"""

from collections.abc import Collection

from app.domain.dataplane.ipvs.operations import RealServerKey


class Drains:
    """Real servers that wait for their connections to end, at most ``patience_s`` each."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._since_s: dict[RealServerKey, float] = {}

    def __len__(self) -> int:
        return len(self._since_s)

    def await_only(self, servers: Collection[RealServerKey], *, now_s: float) -> None:
        """Wait for these from now on, or from when they were first named, and for no others."""
        self._since_s = {server: self._since_s.get(server, now_s) for server in servers}

    def servers(self) -> tuple[RealServerKey, ...]:
        """Give those that are waited for."""
        return tuple(self._since_s)

    def overdue(self, now_s: float) -> frozenset[RealServerKey]:
        """Give those that have been waited for long enough."""
        patience_s = self._patience_s
        return frozenset(
            server for server, since_s in self._since_s.items() if now_s - since_s >= patience_s
        )
