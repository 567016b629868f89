"""The counters of an agent since its start, and its state."""

from dataclasses import dataclass

from app.domain.names import REVISION_ZERO, Revision


@dataclass(eq=False)
class AgentStats:
    """Counters since the start, and the current state; problems are empty when there is none."""

    applications: int = 0
    steps: int = 0
    resyncs: int = 0
    foreign_steps: int = 0
    """Steps that repaired external changes."""
    registry_failures: int = 0
    sink_failures: int = 0
    mishaps: int = 0
    draining: int = 0
    revision: Revision = REVISION_ZERO
    settled_at_s: float | None = None
    """When the desired rules were last applied in full; None before the first time."""
    pending_since_s: float | None = None
    """Since when a change is not applied yet; None when nothing is pending."""
    is_node_eligible: bool = True
    """Whether load balancers may send the node traffic, as the registry says."""
    health_check_sockets: int = 0
    """Sockets that listen for load balancers."""
    registry_problem: str = ""
    sink_problem: str = ""
    health_check_problem: str = ""

    def applied(self, steps: int) -> None:
        """Count one application."""
        self.applications += 1
        self.steps += steps

    def pending(self, now_s: float) -> None:
        """Note that a change is pending, unless an earlier one is."""
        if self.pending_since_s is None:
            self.pending_since_s = now_s

    def settled(self, revision: Revision, draining: int, now_s: float) -> None:
        """Note that the desired rules have been applied in full."""
        self.revision = revision
        self.draining = draining
        self.settled_at_s = now_s
        self.pending_since_s = None
