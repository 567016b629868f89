"""Conditions of Pods: the defaults of a status, and the times that reports leave out.

    draft -> draft with a phase and a Ready condition
    current conditions, reported ones, now -> the reported ones, each with its transition time

Source: contract.md, "Objects"; spec kubernetes-api 1.2, the row of ``status.conditions``.
"""

from collections.abc import Iterable
from datetime import datetime

from app.domain.copies import replace
from app.domain.objects.meta import Condition
from app.domain.objects.pod import NOT_REPORTED, READY, Pod, PodPhase

_NO_ADDRESS, _NOT_PROBED = "NoAddress", "NotProbedYet"
_FINISHED, _NO_PROBE = "PodFinished", "NoReadinessProbe"
_OWN_REASONS = {
    _NO_ADDRESS: "False",
    _NOT_PROBED: "False",
    NOT_REPORTED: "False",
    _FINISHED: "False",
    _NO_PROBE: "True",
}
"""Reasons of the Ready conditions that are set here, with the status of each."""


def with_pod_defaults(draft: Pod) -> Pod:
    """Fill in a Pod's phase and Ready condition; idempotent.

    A Ready condition that was set here is computed anew, so that it reflects addresses
    and probes that were added later; one that a client reported stays.
    """
    phase = draft.phase or (PodPhase.RUNNING if draft.pod_ips else PodPhase.PENDING)
    draft = replace(draft, phase=phase)
    reported = tuple(condition for condition in draft.conditions if not _is_own(condition))
    if any(condition.type == READY for condition in reported):
        return draft
    ready = _readiness(draft)
    if ready in draft.conditions:
        return draft
    same = (c for c in draft.conditions if c.type == READY and c.reason == ready.reason)
    kept = next(same, ready)  # with the time of its transition
    return replace(draft, conditions=(*reported, kept))


def _readiness(pod: Pod) -> Condition:
    if not pod.pod_ips:
        reason = _NO_ADDRESS
    elif pod.needs_report:
        reason = NOT_REPORTED
    elif pod.has_probe:
        reason = _NOT_PROBED
    elif pod.is_finished:
        reason = _FINISHED
    else:
        reason = _NO_PROBE
    return Condition(type=READY, status=_OWN_REASONS[reason], reason=reason)


def _is_own(condition: Condition) -> bool:
    # A client that flips the status and leaves the reason has reported readiness.
    return condition.type == READY and _OWN_REASONS.get(condition.reason) == condition.status


def with_transitions(
    current: Iterable[Condition], desired: Iterable[Condition], now: datetime
) -> tuple[Condition, ...]:
    """Set when each condition took its present status, in whole seconds as on the wire.

    A report that repeats the same status keeps the time of the first report.
    """
    current_by_type = {condition.type: condition for condition in current}
    second = now.replace(microsecond=0)
    return tuple(_timed(current_by_type.get(each.type), each, second) for each in desired)


def _timed(before: Condition | None, after: Condition, now: datetime) -> Condition:
    reported_at = after.last_transition_at
    if before is None:
        return after if reported_at is not None else replace(after, last_transition_at=now)
    # A patch that flips only the status carries the previous time along: that one is stale.
    if reported_at not in (None, before.last_transition_at):
        return after
    if after.status == before.status:
        return replace(after, last_transition_at=before.last_transition_at)
    return replace(after, last_transition_at=now)
