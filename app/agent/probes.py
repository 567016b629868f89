"""The prober: runs the probes of Pods at their intervals, and reports changes of readiness.

    see(Pod) -> a loop for each probe -> Standing -> Report -> one call per window, latest only

The source of Pods and the target of reports are arguments, so that it runs in a
server for all Pods, or in a node's agent for those of its node.

A report is compared with the Pod's condition, not with the last report: a condition
overwritten by another client is reported again, and an equal one is not.
Probes that run a command are ignored here, and so is a Pod that has no others.
Source: contract.md, "Processes and defaults"; KEP-753 for the probes of sidecars.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import perf_counter

from app.agent.probe_checks import Target
from app.agent.probe_stats import ProbeResult, ProbeStats
from app.domain.errors import DomainError
from app.domain.names import NamespacedName
from app.domain.objects.pod import Pod, Probe
from app.domain.registration.health.readiness import (
    Report,
    Standing,
    after,
    first_standing,
    reported,
    verdict,
)
from waypost.client.pace import Notices

WINDOW_S = 0.5  # that reports wait to be batched, or withdrawn
CONCURRENT_MAX = 256  # probes that run at the same time

Check = Callable[[Target], Awaitable[str]]
Reporter = Callable[[Mapping[NamespacedName, Report]], Awaitable[None]]

_log = logging.getLogger(__name__)


class NotReported(Exception):
    """The reports could not be written; they are retried, as after any refusal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Time, and the random spread of probes; tests replace them."""

    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    share: Callable[[], float] = lambda: 0.0
    """Initial jitter, as a fraction of the period (0 to 1), for Pods that are ready already."""


TIMING = Timing()


@dataclass(slots=True, eq=False)
class _Probed:
    """A Pod, its probes' states and their tasks."""

    pod: Pod
    standings: dict[str, Standing]
    loops: "list[asyncio.Task[None]]" = field(default_factory=list["asyncio.Task[None]"])


class Prober:
    """Probes Pods; used from one event loop only, while ``run`` runs."""

    def __init__(
        self,
        check: Check,
        report: Reporter,
        *,
        timing: Timing = TIMING,
        stats: ProbeStats | None = None,
    ) -> None:
        """Probe with ``check`` and write with ``report``, which raises when that fails."""
        self._stats = ProbeStats() if stats is None else stats
        self._check = check
        self._report = report
        self._timing = timing
        self._probed: dict[NamespacedName, _Probed] = {}
        self._pending: dict[NamespacedName, Report] = {}
        self._has_pending = asyncio.Event()
        self._notices = Notices(_log)
        self._slots = asyncio.Semaphore(CONCURRENT_MAX)

    def see(self, pod: Pod) -> None:
        """Add or update a Pod, and probe it as long as it has probes."""
        key = pod.metadata.key
        known = self._probed.get(key)
        if known is not None and _plan(known.pod) == _plan(pod):
            known.pod = pod
            return
        self.forget(key)
        if not _plan(pod):
            return
        first = first_standing(pod)
        probed = _Probed(pod, {name: first for name, _ in _probes(pod)})
        self._probed[key] = probed
        self._stats.pods = len(self._probed)
        for name, target in _probes(pod):
            loop = self._probe_repeatedly(probed, name, target)
            probed.loops.append(asyncio.create_task(loop))

    def forget(self, key: NamespacedName) -> None:
        """Stop probing a Pod."""
        self._pending.pop(key, None)
        probed = self._probed.pop(key, None)
        self._stats.pods = len(self._probed)
        if probed is not None:
            for loop in probed.loops:
                loop.cancel()

    async def run(self) -> None:
        """Report until cancelled; then stop all probes."""
        try:
            while True:
                await self._has_pending.wait()
                await self._timing.sleep(WINDOW_S)
                await self._flush()
        finally:
            for key in tuple(self._probed):
                self.forget(key)

    async def _flush(self) -> None:
        reports, self._pending = self._pending, {}
        self._has_pending.clear()
        if not reports:
            return
        try:
            await self._report(reports)
        except (NotReported, DomainError) as refusal:
            self._notices.say("kept", f"retrying {len(reports)} reports of probes: {refusal}")
            self._pending = {**reports, **self._pending}
            self._has_pending.set()

    async def _probe_repeatedly(self, probed: _Probed, name: str, target: Target) -> None:
        await self._timing.sleep(self._delay_s(probed.pod, target.probe))
        while True:
            begun_at = self._timing.now()
            async with self._slots:
                failure = await self._run(target)
            probed.standings[name] = after(probed.standings[name], failure, target.probe)
            self._compare(probed)
            took_s = (self._timing.now() - begun_at).total_seconds()
            period_s = target.probe.period_s
            await self._timing.sleep(min(period_s, max(0.0, period_s - took_s)))

    async def _run(self, target: Target) -> str:
        begun_at, result = perf_counter(), ProbeResult.ERROR
        try:
            failure = await self._check(target)
            result = ProbeResult.FAILURE if failure else ProbeResult.SUCCESS
        except Exception as bug:  # noqa: BLE001  a supervision point: one probe must not end all others
            _log.exception("internal error in a probe")
            failure = f"the probe could not be run: {type(bug).__name__}"
        self._stats.durations.add(result, perf_counter() - begun_at)
        return failure

    def _compare(self, probed: _Probed) -> None:
        pod, key = probed.pod, probed.pod.metadata.key
        report = verdict(pod, probed.standings)
        if reported(pod, report, now=self._timing.now()) is pod:
            self._pending.pop(key, None)
        else:
            self._pending[key] = report
            self._has_pending.set()

    def _delay_s(self, pod: Pod, probe: Probe) -> float:
        """Return the delay of the first probe; Pods that are ready already are spread out."""
        if pod.is_ready:
            return probe.period_s * self._timing.share()
        made_at = pod.metadata.created_at
        age_s = 0.0 if made_at is None else (self._timing.now() - made_at).total_seconds()
        return max(0.0, probe.initial_delay_s - max(0.0, age_s))


def _probes(pod: Pod) -> Iterator[tuple[str, Target]]:
    """List the probes to run by the name of the container, or by its index if it has none."""
    for place, container in enumerate(pod.lasting_containers):
        probe = container.readiness_probe
        if probe is not None and probe.is_asked_from_outside:
            yield (
                container.name or str(place),
                Target(pod.pod_ips, container, probe),
            )


def _plan(pod: Pod) -> tuple[object, ...]:
    """Return the fields that probing depends on; empty when there is nothing to probe."""
    if not (pod.pod_ips and pod.is_probed_from_outside) or pod.is_finished:
        return ()
    return pod.metadata.uid, pod.pod_ips, pod.lasting_containers
