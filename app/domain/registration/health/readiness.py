"""What probes say of a Pod: when a run of results counts, and what Ready then is.

    Standing, result -> Standing                 (thresholds)
    standings of the containers -> Report        (all must pass)
    Pod, Report -> Pod                           (its Ready condition)

A Pod may have probes that Waypost does not run.  Then its Ready condition is what is
reported of it, and the probes that are run can veto it, no more.

How a probe is run, and when, is not known here.
Source: contract.md, "Objects"; Kubernetes' own meaning of the thresholds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from app.domain.names import Uid
from app.domain.objects.meta import Condition
from app.domain.objects.pod import LEASE_EXPIRED, READY, Pod, Probe
from app.domain.registration.health.leases import without_leftovers

PROBE_FAILED = "ReadinessProbeFailed"
PROBE_SUCCEEDED = "ReadinessProbeSucceeded"

_NOT_PROBED = "it has not been probed yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one container stands: ``run`` results in a row have said otherwise.

    ``words`` tell what is wrong while it does not pass.
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
    """Go on from what was known of a Pod, so that who begins to probe takes nobody out."""
    return Standing(is_passing=pod.is_ready)


def after(standing: Standing, failure: str, probe: Probe) -> Standing:
    """Count a result: ``failure`` is empty for a success, else it says what went wrong."""
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
    """Judge a Pod by its containers, given by name: it is ready when all of them pass."""
    failing = {name: standing for name, standing in standings.items() if not standing.is_passing}
    if len(standings) == 1:
        message = "; ".join(standing.words for standing in failing.values())
    else:
        message = "; ".join(f"{name}: {standing.words}" for name, standing in failing.items())
    return Report(uid=pod.metadata.uid, is_ready=not failing, message=message)


def reported(pod: Pod, report: Report, *, now: datetime) -> Pod:
    """Set what a report says; the same Pod when that is what it says already.

    A report on another Pod of the name is void, and so is one while the Pod's own
    lease has run out: who is silent is not ready, whatever answers at its address.
    Where other probes are somebody else's to run, this one only takes back what it said.
    """
    current = pod.ready_condition or Condition(type=READY, status="Unknown")
    if pod.metadata.uid != report.uid or (pod.is_lapsed and current.reason == LEASE_EXPIRED):
        return pod
    if pod.needs_report and not _may_say(current, report):
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
    others = tuple(entry for entry in pod.conditions if entry.type != READY)
    place = next((n for n, e in enumerate(pod.conditions) if e.type == READY), len(others))
    conditions = (*others[:place], desired, *others[place:])
    return without_leftovers(replace(pod, conditions=conditions))


def _may_say(current: Condition, report: Report) -> bool:
    """Whether a report on some of a Pod's probes may stand in for what was said of all.

    One that fails takes a ready Pod out.  Ready again is only what was taken out by it: that
    the other probes succeed too is for their own report to say.
    """
    is_ours = current.status == "False" and current.reason == PROBE_FAILED
    return is_ours or (current.status == "True" and not report.is_ready)
