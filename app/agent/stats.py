"""Counters and state of an agent, for its health and metrics."""

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.domain.names import REVISION_ZERO, Revision


@dataclass(eq=False)
class AgentStats(Collector):
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

    def collect(self) -> Iterator[Metric]:
        """Yield all counters and gauges."""
        for name, help_, count in (
            ("applications", "Times that rules were applied to the kernel.", self.applications),
            ("steps", "Operations applied.", self.steps),
            ("resyncs", "Full reads of the kernel's state.", self.resyncs),
            ("foreign_steps", "Operations that repaired external changes.", self.foreign_steps),
            ("registry_failures", "Failed requests to the registry.", self.registry_failures),
            ("sink_failures", "Failed applications of rules.", self.sink_failures),
            ("mishaps", "Iterations of the loop that ended with a bug.", self.mishaps),
        ):
            yield CounterMetricFamily(f"waypost_agent_{name}", help_, count)
        for name, help_, value in (
            ("revision", "The revision of the applied rules.", self.revision),
            ("draining_servers", "Real servers that drain.", self.draining),
            ("registry_reachable", "Whether the registry answers.", not self.registry_problem),
            ("settled", "Whether the last application succeeded.", not self.sink_problem),
            ("node_eligible", "Whether balancers may use the node.", self.is_node_eligible),
            ("health_check_sockets", "Listening health-check sockets.", self.health_check_sockets),
        ):
            yield GaugeMetricFamily(f"waypost_agent_{name}", help_, float(value))
