"""What a Pod is once its lease has run out, and once heartbeats come again.

    Pod, Lapse -> lapsed -> not ready, and why           Pod -> restored -> as before

What Ready said before is kept beside it, as a condition of its own, so that a
heartbeat brings back exactly that.  Who hears heartbeats, and who judges how
many silent Pods are too many, is not known here.

Source: contract.md, "Objects", for leases.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.domain.objects.meta import Condition
from app.domain.objects.pod import LEASE_EXPIRED, READY, READY_BEFORE, Pod
from app.domain.registration.health.mass_failure import WINDOW_S_DEFAULT
from app.domain.registration.pod_defaults import with_pod_defaults
from app.domain.times import format_time

REMOVAL_GRACE_S_MIN = WINDOW_S_DEFAULT  # who may still be held again must still be there


@dataclass(frozen=True, slots=True, kw_only=True)
class Lapse:
    """A lease that ran out at ``since``; nothing has been heard after ``heard_at``.

    ``reason`` tells whose: LeaseExpired is the Pod's own, NodeLeaseExpired its node's.
    """

    reason: str
    heard_at: datetime
    since: datetime


def lapsed(pod: Pod, lapse: Lapse, *, now: datetime) -> Pod:
    """Take a Pod out of readiness, keeping what it said of itself; the same Pod if it is out."""
    current = pod.ready_condition or Condition(type=READY, status="False")
    if pod.is_lapsed and current.reason == lapse.reason:
        return pod
    kept = _before(pod) if pod.is_lapsed else replace(current, type=READY_BEFORE)
    silent = Condition(
        type=READY,
        status="False",
        reason=lapse.reason,
        message=_words(pod, lapse),
        last_transition_at=now if current.status == "True" else current.last_transition_at,
    )
    return _with(pod, silent, () if kept is None else (kept,))


def restored(pod: Pod, *, at: datetime | None) -> Pod:
    """Give a lapsed Pod back what it said of itself; the same Pod when it has not lapsed.

    ``at`` is when it came back; None undoes the lapse as if it had never been.
    """
    if not pod.is_lapsed:
        return pod
    kept = _before(pod)
    if kept is None:  # nobody knows what it said: begin as with a new one
        others = tuple(entry for entry in pod.conditions if entry.type != READY)
        return with_pod_defaults(replace(pod, conditions=others))
    moved = at is not None and kept.status == "True"
    ready = replace(kept, type=READY, last_transition_at=at if moved else kept.last_transition_at)
    return with_pod_defaults(_with(pod, ready, ()))


def was_ready(pod: Pod) -> bool:
    """Whether a Pod is ready, or would be if its lease had not run out."""
    kept = _before(pod) if pod.is_lapsed else None
    return pod.is_ready or (kept is not None and kept.status == "True")


def without_leftovers(pod: Pod) -> Pod:
    """Drop what is kept for a lapse that is over, because somebody reported readiness anew."""
    if pod.is_lapsed or _before(pod) is None:
        return pod
    return replace(pod, conditions=tuple(e for e in pod.conditions if e.type != READY_BEFORE))


def is_removable(pod: Pod, lapse: Lapse, *, earliest: datetime, now: datetime) -> bool:
    """Whether a Pod's own lease ran out so long ago that it is taken to be gone.

    The grace is another lease, and counts from ``earliest`` at the earliest.
    """
    if lapse.reason != LEASE_EXPIRED or not pod.is_lapsed:
        return False
    condition = pod.ready_condition
    let_go_at = None if condition is None else condition.last_transition_at
    start = max(lapse.since, earliest, let_go_at or earliest)
    grace_s = max(REMOVAL_GRACE_S_MIN, pod.lease_duration_s or 0)
    return now >= start + timedelta(seconds=grace_s)


def _before(pod: Pod) -> Condition | None:
    return next((entry for entry in pod.conditions if entry.type == READY_BEFORE), None)


def _with(pod: Pod, ready: Condition, kept: tuple[Condition, ...]) -> Pod:
    """Replace the Ready condition where it stands, and put ``kept`` last."""
    others = [entry for entry in pod.conditions if entry.type != READY_BEFORE]
    places = [place for place, entry in enumerate(others) if entry.type == READY]
    first = places[0] if places else len(others)
    rest = [entry for entry in others if entry.type != READY]
    return replace(pod, conditions=(*rest[:first], ready, *rest[first:], *kept))


def _words(pod: Pod, lapse: Lapse) -> str:
    whose = "" if lapse.reason == LEASE_EXPIRED else f" of node {pod.node_name}"
    return f"no heartbeat{whose} since {format_time(lapse.heard_at)}"
