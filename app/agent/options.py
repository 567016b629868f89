"""The options of an agent, as values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from app.agent.loop import PACE, Pace
from app.agent.node import Identity
from waypost.client.http.credentials import Credentials


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of an agent."""

    identity: Identity
    urls: Sequence[str] = ()
    credentials: Credentials | None = None
    addresses: Sequence[str] = ()
    """The addresses of the node, primary ones first; empty: those of its interfaces."""
    backend: Literal["ipvs", "nftables"] = "ipvs"
    is_once: bool = False
    is_dry: bool = False
    is_cleanup: bool = False
    """Whether to remove all of Waypost's rules and exit."""
    pace: Pace = PACE
    probe_other_hosts: Sequence[str] = ()
    """Hosts that probes may reach besides their Pods."""
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 0
    """The port of health and metrics; 0 is none."""

    @property
    def lays_routes(self) -> bool:
        """Whether routes, and not rules, keep traffic for Services on this machine."""
        return self.backend == "ipvs"
