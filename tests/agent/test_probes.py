"""The prober in virtual time: when it probes, and what it reports."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from app.agent.probe_checks import Target
from app.agent.probe_stats import ProbeResult, ProbeStats
from app.agent.probes import CONCURRENT_MAX, WINDOW_S, NotReported, Prober, Timing
from app.domain.names import NamespacedName, Uid
from app.domain.objects.pod import (
    LEASE_EXPIRED,
    READY,
    Container,
    ExecAction,
    Pod,
    Probe,
    TCPSocketAction,
)
from app.domain.registration.health.leases import Expiry, marked_expired
from app.domain.registration.health.readiness import PROBE_SUCCEEDED, Report, reported
from tests.agent.virtual_time import EPOCH, VirtualTime
from tests.builders import a_condition, a_pod, key

PERIOD_S = 10


def a_container(name: str = "main", /, **fields: int) -> Container:
    probe = Probe(
        tcp_socket=TCPSocketAction(port=80), period_s=PERIOD_S, failure_threshold=1, timeout_s=1
    )
    return Container(name=name, readiness_probe=replace(probe, **fields))


def a_probed_pod(name: str = "p0", *, ready: bool = False, **fields: int) -> Pod:
    """A Pod that has just been registered, with a probe."""
    reason = PROBE_SUCCEEDED if ready else "NotProbedYet"
    pod = a_pod(name, containers=(a_container(**fields),), pod_ips=("10.0.0.1",))
    ready_condition = a_condition(READY, str(ready), reason=reason)
    meta = replace(pod.metadata, created_at=EPOCH)
    return replace(pod, conditions=(ready_condition,), metadata=meta)


class Registry:
    """Answers probes as the test says, and applies reports immediately, as a server would."""

    def __init__(self, time: VirtualTime) -> None:
        self.time = time
        self.failures: dict[str, str] = {}  # by container
        self.asked_at_s: list[float] = []
        self.reports: list[dict[str, tuple[bool, str]]] = []
        self.pods: dict[NamespacedName, Pod] = {}
        self.is_away = False
        self.prober = Prober(
            self.check,
            self.take,
            timing=Timing(sleep=time.sleep, now=time.now, share=lambda: 0.5),
        )

    async def check(self, target: Target) -> str:
        self.asked_at_s.append((self.time.now() - EPOCH).total_seconds())
        return self.failures.get(target.container.name, "")

    async def take(self, reports: Mapping[NamespacedName, Report]) -> None:
        if self.is_away:
            raise NotReported("away")
        self.reports.append(
            {pod.name: (report.is_ready, report.message) for pod, report in reports.items()}
        )
        for pod, report in reports.items():
            if pod in self.pods:
                self.show(reported(self.pods[pod], report, now=self.time.now()))

    def show(self, *pods: Pod) -> None:
        for pod in pods:
            self.pods[pod.metadata.key] = pod
            self.prober.see(pod)


@asynccontextmanager
async def probing(*pods: Pod) -> AsyncGenerator[Registry, None]:
    registry = Registry(VirtualTime())
    running = asyncio.create_task(registry.prober.run())
    registry.show(*pods)
    try:
        yield registry
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_new_pod_is_probed_immediately_and_then_every_period() -> None:
    async with probing(a_probed_pod()) as registry:
        await registry.time.advance(3 * PERIOD_S + 1)
        assert registry.asked_at_s == [0, 10, 20, 30]
        assert registry.reports == [{"p0": (True, "")}]


async def test_the_initial_delay_is_respected() -> None:
    async with probing(a_probed_pod(initial_delay_s=15)) as registry:
        await registry.time.advance(16)
        assert registry.asked_at_s == [15]


async def test_the_delay_counts_from_the_registration() -> None:
    pod = a_probed_pod(initial_delay_s=15)
    older = replace(pod, metadata=replace(pod.metadata, created_at=EPOCH - timedelta(seconds=10)))
    async with probing(older) as registry:
        await registry.time.advance(16)
        assert registry.asked_at_s[0] == 5


async def test_a_pod_that_is_ready_already_is_first_probed_after_its_jitter() -> None:
    async with probing(a_probed_pod(ready=True)) as registry:
        await registry.time.advance(PERIOD_S)
        assert registry.asked_at_s == [5]
        assert registry.reports == []


async def test_a_failing_pod_is_reported_once_and_so_is_its_recovery() -> None:
    async with probing(a_probed_pod()) as registry:
        await registry.time.advance(1)
        registry.failures["main"] = "HTTP 503"
        await registry.time.advance(3 * PERIOD_S)
        registry.failures.clear()
        await registry.time.advance(3 * PERIOD_S)

    assert registry.reports == [
        {"p0": (True, "")},
        {"p0": (False, "HTTP 503")},
        {"p0": (True, "")},
    ]


@pytest.mark.parametrize("dies_after_s", [0.01, 2.5, PERIOD_S - 0.01])
async def test_a_failure_is_reported_within_a_period_and_a_second(dies_after_s: float) -> None:
    async with probing(a_probed_pod()) as registry:
        await registry.time.advance(PERIOD_S + dies_after_s)
        registry.failures["main"] = "refused"
        await registry.time.advance(PERIOD_S + 1)
        assert registry.reports[-1] == {"p0": (False, "refused")}


async def test_a_failure_counts_only_at_its_threshold() -> None:
    async with probing(a_probed_pod(ready=True, failure_threshold=3)) as registry:
        registry.failures["main"] = "refused"
        await registry.time.advance(5 + 2 * PERIOD_S)
        assert len(registry.asked_at_s) == 3
        assert registry.reports == []
        await registry.time.advance(WINDOW_S)
        assert registry.reports == [{"p0": (False, "refused")}]


async def test_a_pod_that_flaps_within_a_window_is_reported_with_its_last_state() -> None:
    quick = a_probed_pod(ready=True, period_s=1)
    async with probing(quick) as registry:
        registry.failures["main"] = "refused"
        await registry.time.advance(0.5)  # asked, and to be reported half a second later
        restarted = replace(quick, containers=(a_container(period_s=2),))
        registry.failures.clear()
        registry.show(restarted)
        await registry.time.advance(5)
    assert registry.reports == []


async def test_many_changes_within_a_window_are_one_call() -> None:
    async with probing(*(a_probed_pod(f"p{n}") for n in range(50))) as registry:
        await registry.time.advance(1)
    assert [sorted(report) for report in registry.reports] == [sorted(f"p{n}" for n in range(50))]


async def test_all_containers_must_pass() -> None:
    pod = replace(a_probed_pod(), containers=(a_container("a"), a_container("b")))
    async with probing(pod) as registry:
        registry.failures["b"] = "refused"
        await registry.time.advance(1)
        registry.failures.clear()
        await registry.time.advance(PERIOD_S)

    assert registry.reports == [{"p0": (False, "b: refused")}, {"p0": (True, "")}]


async def test_sidecars_must_pass_and_other_init_containers_are_not_probed() -> None:
    sidecar = replace(a_container("proxy"), restart_policy="Always")
    pod = replace(a_probed_pod(), init_containers=(sidecar, a_container("setup")))
    async with probing(pod) as registry:
        registry.failures.update({"proxy": "refused", "setup": "never asked"})
        await registry.time.advance(1)
        registry.failures.pop("proxy")
        await registry.time.advance(PERIOD_S)

    assert registry.reports == [{"p0": (False, "proxy: refused")}, {"p0": (True, "")}]


EXEC = Container(name="pg", readiness_probe=Probe(exec=ExecAction(command=("pg_isready",))))


async def test_a_pod_whose_only_probe_is_a_command_is_ignored() -> None:
    pod = replace(a_probed_pod(), containers=(EXEC,))
    async with probing(pod) as registry:
        await registry.time.advance(3 * PERIOD_S)
        assert registry.asked_at_s == []
    assert registry.reports == []


async def test_a_probe_beside_a_command_waits_for_the_report_and_then_holds_a_veto() -> None:
    pod = replace(a_probed_pod(), containers=(EXEC, a_container()))
    async with probing(pod) as registry:
        await registry.time.advance(PERIOD_S + 1)
        assert registry.reports == []

        registry.show(replace(pod, conditions=(a_condition(READY, reason="Reported"),)))
        registry.failures["main"] = "refused"
        await registry.time.advance(PERIOD_S)
        registry.failures.clear()
        await registry.time.advance(PERIOD_S)
    assert registry.reports == [{"p0": (False, "refused")}, {"p0": (True, "")}]


async def test_an_overwritten_condition_is_reported_again() -> None:
    async with probing(a_probed_pod()) as registry:
        await registry.time.advance(1)
        registry.show(a_probed_pod())
        await registry.time.advance(PERIOD_S)
    assert registry.reports == [{"p0": (True, "")}] * 2


async def test_a_pod_with_an_expired_lease_is_not_reported() -> None:
    expiry = Expiry(reason=LEASE_EXPIRED, heard_at=EPOCH, since=EPOCH)
    async with probing(marked_expired(a_probed_pod(ready=True), expiry, now=EPOCH)) as registry:
        await registry.time.advance(3 * PERIOD_S)
        assert len(registry.asked_at_s) == 3 + 1
    assert registry.reports == []


async def test_refused_reports_are_retried() -> None:
    async with probing(a_probed_pod()) as registry:
        registry.is_away = True
        await registry.time.advance(5)
        registry.is_away = False
        await registry.time.advance(WINDOW_S)
    assert registry.reports == [{"p0": (True, "")}]


@pytest.mark.parametrize(
    "change",
    [
        {"pod_ips": ()},
        {"phase": "Succeeded"},
        {"containers": (Container(name="main"),)},
    ],
)
async def test_a_pod_that_cannot_or_need_not_be_probed_is_not_probed(
    change: dict[str, object],
) -> None:
    async with probing(a_probed_pod()) as registry:
        await registry.time.advance(1)
        pod = registry.pods[key("p0")]
        registry.show(replace(pod, **change))
        await registry.time.advance(5 * PERIOD_S)
        assert registry.asked_at_s == [0]


async def test_a_deleted_pod_is_forgotten_with_its_pending_report() -> None:
    async with probing(a_probed_pod()) as registry:
        await registry.time.advance(0.1)
        registry.prober.forget(key("p0"))
        await registry.time.advance(5 * PERIOD_S)
        assert registry.asked_at_s == [0]
    assert registry.reports == []


async def test_a_new_pod_of_the_same_name_is_probed_from_the_start() -> None:
    async with probing(a_probed_pod()) as registry:
        await registry.time.advance(1)
        pod = a_probed_pod()
        registry.show(replace(pod, metadata=replace(pod.metadata, uid=Uid("another"))))
        await registry.time.advance(1)
        assert registry.asked_at_s == [0, 1]


async def test_a_check_with_a_bug_is_a_failure_of_that_probe_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with probing() as registry:

        async def explode(_: Target) -> str:
            raise ZeroDivisionError

        stats = ProbeStats()
        timing = Timing(sleep=registry.time.sleep)
        prober = Prober(explode, registry.take, timing=timing, stats=stats)
        running = asyncio.create_task(prober.run())
        prober.see(a_probed_pod())
        await registry.time.advance(1)
        assert stats.pods == 1
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert registry.reports == [{"p0": (False, "the probe could not be run: ZeroDivisionError")}]
    assert "internal error in a probe" in caplog.text
    assert sum(stats.durations.by_name[ProbeResult.ERROR].counts) >= 1
    assert stats.pods == 0


async def test_concurrent_probes_are_bounded() -> None:
    side_by_side = most = 0
    time = VirtualTime()

    async def slow(_: Target) -> str:
        nonlocal side_by_side, most
        side_by_side += 1
        most = max(most, side_by_side)
        await time.sleep(1)
        side_by_side -= 1
        return ""

    async def take(_: Mapping[NamespacedName, Report]) -> None:
        pass

    prober = Prober(slow, take, timing=Timing(sleep=time.sleep, now=time.now))
    running = asyncio.create_task(prober.run())
    for n in range(CONCURRENT_MAX + 10):
        prober.see(a_probed_pod(f"p{n}"))
    await time.advance(3)
    assert most == CONCURRENT_MAX
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
