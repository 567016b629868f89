"""Defaults of a Pod's status.

    draft -> draft with a phase and a Ready condition

Source: contract.md, "Objects".
"""

from dataclasses import replace

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
