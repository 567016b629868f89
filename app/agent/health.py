"""The agent's own endpoint: whether it does its work, and what it has counted.

    GET /healthz -> kube-proxy's: 200, or 503 when load balancers had better leave this node
    GET /livez   -> the same, whatever becomes of the node
    GET /readyz  -> 200, or 503 with what is wrong, in words
    GET /metrics -> Prometheus' text

A registry that is away is told and does not make the agent unhealthy: the node keeps
its rules.  What wanted rules wait for the kernel too long does (HEALTH_TIMEOUT_S).

Source: KEP-3836 (the node's eligibility); kube-proxy's /healthz and /livez.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.agent.tally import Tally
from app.client.health_server import JSON, Answer, Route
from app.client.pace import Clock

HEALTH_TIMEOUT_S: Final = 60.0
"""How long the kernel may lack something: twice the sync period of kube-proxy, as there."""
NO_SNIFFING: Final = {"X-Content-Type-Options": "nosniff"}
_NEVER: Final = "0001-01-01T00:00:00Z"  # how Go spells a time that has not been


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it should be; ``is_ours`` makes the agent unhealthy."""

    text: str
    is_ours: bool


def problems_of(tally: Tally, others: Iterable[str] = ()) -> Sequence[Problem]:
    """List what is wrong, by what the loop has counted and by what runs beside it."""
    beside = (tally.registry_problem, tally.health_check_problem, *others)
    found = [Problem(text, is_ours=False) for text in beside if text]
    if tally.sink_problem:
        found.append(Problem(tally.sink_problem, is_ours=True))
    elif tally.settled_at_s is None:
        found.append(Problem("the rules have not been applied yet", is_ours=True))
    return found


class ProxyHealth:
    """Whether the kernel is led on in time, in the words of kube-proxy's own health."""

    def __init__(
        self,
        tally: Tally,
        clock: Clock,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Judge by ``tally`` and its ``clock``; ``now`` is what answers are dated with."""
        self._tally, self._clock, self._now = tally, clock, now

    @property
    def is_healthy(self) -> bool:
        """Whether nothing has waited for the kernel too long; at the start nothing has."""
        since_s = self._tally.pending_since_s
        return since_s is None or self._clock.now_s() - since_s < HEALTH_TIMEOUT_S

    def healthz(self) -> Answer:
        """Tell load balancers whether to send this node traffic."""
        is_eligible = self._tally.is_node_eligible
        told = {"nodeEligible": is_eligible, "healthy": self.is_healthy}
        return self._answer(told, is_well=self.is_healthy and is_eligible)

    def livez(self) -> Answer:
        """Tell a supervisor whether to start the agent anew: not because of its node."""
        return self._answer({"healthy": self.is_healthy}, is_well=self.is_healthy)

    def _answer(self, told: Mapping[str, bool], *, is_well: bool) -> Answer:
        now = self._now()
        times = {
            # As there: a proxy that is well was updated just now, be there anything to update.
            "lastUpdated": _spelt(now) if is_well else self._last_updated(now),
            "currentTime": _spelt(now),
        }
        status = HTTPStatus.OK if is_well else HTTPStatus.SERVICE_UNAVAILABLE
        return Answer(status, json.dumps({**times, **told}), JSON, NO_SNIFFING)

    def _last_updated(self, now: datetime) -> str:
        settled_at_s = self._tally.settled_at_s
        if settled_at_s is None:
            return _NEVER
        return _spelt(now - timedelta(seconds=self._clock.now_s() - settled_at_s))


def ready_route(problems: Callable[[], Sequence[Problem]]) -> Route:
    """Answer with everything that is wrong; 503 when the agent fails its work."""

    def answer() -> Answer:
        found = problems()
        status = HTTPStatus.OK
        if any(problem.is_ours for problem in found):
            status = HTTPStatus.SERVICE_UNAVAILABLE
        return Answer(status, "".join(f"{problem.text}\n" for problem in found) or "ok\n")

    return answer


def metrics_route(tally: Tally) -> Route:
    """Answer with what has been counted."""
    registry = CollectorRegistry()
    registry.register(TallyCollector(tally))
    return lambda: Answer(HTTPStatus.OK, generate_latest(registry).decode())


class TallyCollector(Collector):
    """A tally in Prometheus' words."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def collect(self) -> Iterator[Metric]:
        """Give every count and state."""
        tally = self._tally
        for name, help_, count in (
            ("applications", "Applications to the kernel.", tally.applications),
            ("steps", "Steps taken in them.", tally.steps),
            ("resyncs", "Looks at what the kernel holds.", tally.resyncs),
            ("foreign_steps", "Steps that mended what others had changed.", tally.foreign_steps),
            ("registry_failures", "Questions without an answer.", tally.registry_failures),
            ("sink_failures", "Applications that failed.", tally.sink_failures),
            ("mishaps", "Turns that ended with a bug.", tally.mishaps),
        ):
            yield CounterMetricFamily(f"waypost_agent_{name}", help_, count)
        for name, help_, value in (
            ("revision", "The revision that the kernel holds.", tally.revision),
            ("draining_servers", "Real servers whose end is awaited.", tally.draining),
            ("registry_reachable", "Whether the registry answers.", not tally.registry_problem),
            ("settled", "Whether the kernel held what was wanted.", not tally.sink_problem),
            ("node_eligible", "Whether balancers may use the node.", tally.is_node_eligible),
            ("health_check_sockets", "Sockets that balancers may ask.", tally.health_check_sockets),
        ):
            yield GaugeMetricFamily(f"waypost_agent_{name}", help_, float(value))


def _spelt(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
