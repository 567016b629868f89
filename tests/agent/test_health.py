"""The agent's health endpoints and metrics."""

import json
from datetime import timedelta

import pytest

from app.agent.health import HEALTH_TIMEOUT_S, ProxyHealth, metrics_route, ready_route
from app.agent.probe_stats import ProbeStats
from app.agent.stats import AgentStats
from app.domain.names import Revision
from app.health_server import JSON, Answer
from tests.builders import NOON
from tests.client.fake_clock import FakeClock


def settled(now_s: float = 1000.0) -> AgentStats:
    stats = AgentStats()
    stats.applied(3)
    stats.settled(Revision(42), 1, now_s=now_s)
    return stats


def ready(stats: AgentStats, *others: str) -> tuple[int, str]:
    answer = ready_route(stats, lambda: others)()
    return answer.status.value, answer.body


def health_of(stats: AgentStats, clock: FakeClock) -> ProxyHealth:
    return ProxyHealth(
        stats, clock, now=lambda: NOON + timedelta(seconds=clock.time_s - FakeClock().time_s)
    )


def parsed(answer: Answer) -> tuple[int, dict[str, object]]:
    assert answer.content_type == JSON
    assert answer.headers == {"X-Content-Type-Options": "nosniff"}
    return answer.status.value, json.loads(answer.body)


def test_an_agent_without_problems_is_ready() -> None:
    assert ready(settled()) == (200, "ok\n")


def test_before_the_first_application_it_is_not_ready() -> None:
    assert ready(AgentStats()) == (503, "the rules have not been applied yet\n")


def test_a_failing_sink_makes_it_unready() -> None:
    stats = settled()
    stats.sink_problem = "ipset restore: no"
    assert ready(stats) == (503, "ipset restore: no\n")


def test_an_unreachable_registry_and_a_used_port_are_reported_and_do_not_make_it_unready() -> None:
    stats = settled()
    stats.registry_problem = "http://r0: refused"
    stats.health_check_problem = "health checks are not answered: default/web"
    assert ready(stats, "heartbeat failed", "") == (
        200,
        "http://r0: refused\nhealth checks are not answered: default/web\nheartbeat failed\n",
    )


def test_a_healthy_agent_answers_in_kube_proxys_format() -> None:
    clock = FakeClock()
    health = health_of(settled(), clock)
    clock.time_s += 3600
    times = {"lastUpdated": "2026-01-01T13:00:00Z", "currentTime": "2026-01-01T13:00:00Z"}
    assert parsed(health.healthz()) == (200, {**times, "nodeEligible": True, "healthy": True})
    assert parsed(health.livez()) == (200, {**times, "healthy": True})


def test_it_is_healthy_while_it_starts() -> None:
    health = health_of(AgentStats(), FakeClock())
    assert health.healthz().status == health.livez().status == 200


def test_a_change_that_is_pending_too_long_makes_it_unhealthy_until_applied() -> None:
    clock, stats = FakeClock(), settled()
    health = health_of(stats, clock)
    clock.time_s += 10
    stats.pending(clock.time_s)
    clock.time_s += HEALTH_TIMEOUT_S - 1
    assert health.healthz().status == 200
    stats.pending(clock.time_s)  # a later change does not restart the time
    clock.time_s += 1
    times = {"lastUpdated": "2026-01-01T12:00:00Z", "currentTime": "2026-01-01T12:01:10Z"}
    assert parsed(health.healthz()) == (503, {**times, "nodeEligible": True, "healthy": False})
    assert parsed(health.livez()) == (503, {**times, "healthy": False})
    stats.settled(Revision(43), 0, clock.time_s)
    assert health.healthz().status == health.livez().status == 200


def test_without_an_application_the_last_update_is_the_zero_time() -> None:
    clock, stats = FakeClock(), AgentStats()
    stats.pending(clock.time_s)
    clock.time_s += HEALTH_TIMEOUT_S
    status, document = parsed(health_of(stats, clock).livez())
    assert (status, document["lastUpdated"]) == (503, "0001-01-01T00:00:00Z")


def test_an_ineligible_node_fails_healthz_and_its_agent_passes_livez() -> None:
    stats = settled()
    stats.is_node_eligible = False
    health = health_of(stats, FakeClock())
    status, document = parsed(health.healthz())
    assert (status, document["nodeEligible"], document["healthy"]) == (503, False, True)
    assert health.livez().status == 200


@pytest.mark.parametrize(
    "line",
    [
        "waypost_agent_applications_total 1.0",
        "waypost_agent_steps_total 3.0",
        "waypost_agent_revision 42.0",
        "waypost_agent_draining_servers 1.0",
        "waypost_agent_registry_reachable 1.0",
        "waypost_agent_node_eligible 1.0",
        "waypost_agent_health_check_sockets 2.0",
    ],
)
def test_counters_are_exposed_to_prometheus(line: str) -> None:
    stats = settled()
    stats.health_check_sockets = 2
    assert line in metrics_route(stats, ProbeStats())().body.splitlines()
