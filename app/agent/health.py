"""The agent's counters and state, and its own HTTP endpoint: health and metrics.

    GET /healthz -> as kube-proxy: 200, or 503 when load balancers should not use this node
    GET /livez   -> the same, regardless of the node's eligibility
    GET /readyz  -> 200, or 503, with a list of problems
    GET /metrics -> Prometheus' text

An unreachable registry is reported but does not make the agent unhealthy: the node keeps
its rules.  Rules that are not applied within HEALTH_TIMEOUT_S do.

Source: KEP-3836 (the node's eligibility); kube-proxy's /healthz and /livez.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.agent.probe_stats import ProbeCollector, ProbeStats
from app.agent.stats import AgentStats
from app.health_server import JSON, Answer, Route
from app.telemetry.process import make_metrics
from waypost.client.pace import Clock

HEALTH_TIMEOUT_S: Final = 60.0
"""How long desired rules may be pending: twice kube-proxy's sync period, as in kube-proxy."""
NO_SNIFFING: Final = {"X-Content-Type-Options": "nosniff"}
_NEVER: Final = "0001-01-01T00:00:00Z"  # Go's zero time


class _Metrics(Collector):
    """The counters and the state of an agent, as Prometheus collects them."""

    def __init__(self, stats: AgentStats) -> None:
        self._stats = stats

    def collect(self) -> Iterator[Metric]:
        """Yield all counters and gauges."""
        stats = self._stats
        for name, help_, count in (
            ("applications", "Times that rules were applied to the kernel.", stats.applications),
            ("steps", "Operations applied.", stats.steps),
            ("resyncs", "Full reads of the kernel's state.", stats.resyncs),
            ("foreign_steps", "Operations that repaired external changes.", stats.foreign_steps),
            ("registry_failures", "Failed requests to the registry.", stats.registry_failures),
            ("sink_failures", "Failed applications of rules.", stats.sink_failures),
            ("mishaps", "Iterations of the loop that ended with a bug.", stats.mishaps),
        ):
            yield CounterMetricFamily(f"waypost_agent_{name}", help_, count)
        for name, help_, value in (
            ("revision", "The revision of the applied rules.", stats.revision),
            ("draining_servers", "Real servers that drain.", stats.draining),
            ("registry_reachable", "Whether the registry answers.", not stats.registry_problem),
            ("settled", "Whether the last application succeeded.", not stats.sink_problem),
            ("node_eligible", "Whether balancers may use the node.", stats.is_node_eligible),
            ("health_check_sockets", "Listening health-check sockets.", stats.health_check_sockets),
        ):
            yield GaugeMetricFamily(f"waypost_agent_{name}", help_, float(value))


class ProxyHealth:
    """Whether rules are applied in time, in the format of kube-proxy's health."""

    def __init__(
        self,
        stats: AgentStats,
        clock: Clock,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Evaluate ``stats`` by its ``clock``; ``now`` gives the timestamps of answers."""
        self._stats, self._clock, self._now = stats, clock, now

    @property
    def is_healthy(self) -> bool:
        """Whether no change has been pending too long; true at the start."""
        since_s = self._stats.pending_since_s
        return since_s is None or self._clock.now_s() - since_s < HEALTH_TIMEOUT_S

    def healthz(self) -> Answer:
        """Answer a load balancer: 200 if it may send traffic to this node."""
        is_eligible = self._stats.is_node_eligible
        fields = {"nodeEligible": is_eligible, "healthy": self.is_healthy}
        return self._answer(fields, is_ok=self.is_healthy and is_eligible)

    def livez(self) -> Answer:
        """Answer a supervisor: 503 if the agent should be restarted."""
        return self._answer({"healthy": self.is_healthy}, is_ok=self.is_healthy)

    def _answer(self, fields: Mapping[str, bool], *, is_ok: bool) -> Answer:
        now = self._now()
        times = {
            # As in kube-proxy: a healthy proxy reports the current time as its last update.
            "lastUpdated": _spelt(now) if is_ok else self._last_updated(now),
            "currentTime": _spelt(now),
        }
        status = HTTPStatus.OK if is_ok else HTTPStatus.SERVICE_UNAVAILABLE
        return Answer(status, json.dumps({**times, **fields}), JSON, NO_SNIFFING)

    def _last_updated(self, now: datetime) -> str:
        settled_at_s = self._stats.settled_at_s
        if settled_at_s is None:
            return _NEVER
        return _spelt(now - timedelta(seconds=self._clock.now_s() - settled_at_s))


def ready_route(stats: AgentStats, beside: Callable[[], Iterable[str]]) -> Route:
    """Answer with the problems of the loop, and of the tasks ``beside`` it.

    Only rules that are not applied make the agent unready.
    """

    def answer() -> Answer:
        unready = stats.sink_problem
        if not unready and stats.settled_at_s is None:
            unready = "the rules have not been applied yet"
        found = (stats.registry_problem, stats.health_check_problem, *beside(), unready)
        status = HTTPStatus.SERVICE_UNAVAILABLE if unready else HTTPStatus.OK
        return Answer(status, "".join(f"{text}\n" for text in found if text) or "ok\n")

    return answer


def metrics_of(stats: AgentStats, probes: ProbeStats) -> CollectorRegistry:
    """Make the metrics of an agent."""
    registry = make_metrics()
    registry.register(_Metrics(stats))
    registry.register(ProbeCollector(probes))
    return registry


def metrics_route(stats: AgentStats, probes: ProbeStats) -> Route:
    """Answer with the metrics."""
    registry = metrics_of(stats, probes)
    return lambda: Answer(HTTPStatus.OK, generate_latest(registry).decode())


def _spelt(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
