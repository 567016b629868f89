"""What an agent counts about itself, for whoever asks after its health."""

from dataclasses import dataclass

from app.domain.names import REVISION_ZERO, Revision


@dataclass(slots=True)
class Tally:
    """Counts since the start, and how things are now; problems are empty when there is none."""

    applications: int = 0
    steps: int = 0
    resyncs: int = 0
    foreign_steps: int = 0
    """Steps that mended what somebody else had changed."""
    registry_failures: int = 0
    sink_failures: int = 0
    mishaps: int = 0
    draining: int = 0
    revision: Revision = REVISION_ZERO
    settled_at_s: float | None = None
    """When the kernel last held what was wanted; None when it never did."""
    pending_since_s: float | None = None
    """Since when the kernel lacks something of what was wanted; None when it lacks nothing."""
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
        """Note that the kernel lacks something, unless it does already."""
        if self.pending_since_s is None:
            self.pending_since_s = now_s

    def settled(self, revision: Revision, draining: int, now_s: float) -> None:
        """Note that the kernel holds what is wanted."""
        self.revision = revision
        self.draining = draining
        self.settled_at_s = now_s
        self.pending_since_s = None
