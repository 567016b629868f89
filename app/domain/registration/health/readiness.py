"""Readiness from probe results: the thresholds of a probe, and a Pod's Ready condition.

    Standing, result -> Standing                 (thresholds)
    standings of the containers -> Report        (all must pass)
    Pod, Report -> Pod                           (its Ready condition)

A Pod may have probes that Waypost does not run.  Then clients report its Ready condition, and
the probes that Waypost runs can only veto it.

How a probe is run, and when, is not known here.
Source: contract.md, "Objects"; Kubernetes' own meaning of the thresholds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from app.domain.copies import replace
from app.domain.names import Uid
from app.domain.objects.meta import Condition
from app.domain.objects.pod import LEASE_EXPIRED, READY, Pod, Probe
from app.domain.registration.health.leases import with_ready

PROBE_FAILED = "ReadinessProbeFailed"
PROBE_SUCCEEDED = "ReadinessProbeSucceeded"

_NOT_PROBED = "it has not been probed yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Whether a container passes; the last ``run`` results in a row say the opposite.

    ``words`` say what is wrong while it does not pass.
    """

    is_passing: bool = False
    run: int = 0
    words: str = _NOT_PROBED


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Whether the Pod with this uid is ready by its probes, and if not, why."""

    uid: Uid
    is_ready: bool
    message: str = ""


def first_standing(pod: Pod) -> Standing:
    """Start from a Pod's present readiness, so that a new prober marks no Pod not ready."""
    return Standing(is_passing=pod.is_ready)


def after(standing: Standing, failure: str, probe: Probe) -> Standing:
    """Count a result; ``failure`` says what went wrong, and is empty for a success."""
    if not failure and standing.is_passing:
        return Standing(is_passing=True)
    if failure and not standing.is_passing:
        return Standing(words=failure)
    run = standing.run + 1
    if failure:
        if run < probe.failure_threshold:
            return replace(standing, run=run)
        return Standing(words=failure)
    if run < probe.success_threshold:
        words = f"{run} of {probe.success_threshold} successes in a row"
        return replace(standing, run=run, words=words)
    return Standing(is_passing=True)


def verdict(pod: Pod, standings: Mapping[str, Standing]) -> Report:
    """Report on a Pod from its containers, given by name: it is ready when all of them pass."""
    failing = {name: standing for name, standing in standings.items() if not standing.is_passing}
    if len(standings) == 1:
        message = "; ".join(standing.words for standing in failing.values())
    else:
        message = "; ".join(f"{name}: {standing.words}" for name, standing in failing.items())
    return Report(uid=pod.metadata.uid, is_ready=not failing, message=message)


def reported(pod: Pod, report: Report, *, now: datetime) -> Pod:
    """Set the Ready condition of a report; the same Pod when nothing changes.

    A report on another Pod of the same name is ignored, and so is one while the Pod's own
    lease has expired: such a Pod is not ready, whatever answers at its address.  If Waypost
    does not run all of the probes, a success only takes back a failure reported here.
    """
    current = pod.ready_condition or Condition(type=READY, status="Unknown")
    has_own_expired = pod.has_expired_lease and current.reason == LEASE_EXPIRED
    if pod.metadata.uid != report.uid or has_own_expired:
        return pod
    if pod.needs_report and not _may_override(current, report):
        return pod
    status = "True" if report.is_ready else "False"
    reason = PROBE_SUCCEEDED if report.is_ready else PROBE_FAILED
    if (current.status, current.reason, current.message) == (status, reason, report.message):
        return pod
    is_same = current.status == status and current.last_transition_at is not None
    desired = Condition(
        type=READY,
        status=status,
        reason=reason,
        message=report.message,
        last_transition_at=current.last_transition_at if is_same else now,
    )
    return with_ready(pod, desired)


def _may_override(current: Condition, report: Report) -> bool:
    """Whether a report on some of a Pod's probes may replace the condition reported for all.

    A failure marks a ready Pod not ready.  A success only takes back such a failure: whether
    the other probes succeed is for their own report to say.
    """
    is_ours = current.status == "False" and current.reason == PROBE_FAILED
    return is_ours or (current.status == "True" and not report.is_ready)
