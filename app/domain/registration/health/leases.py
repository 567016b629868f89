"""Readiness of a Pod whose lease has expired, and after its heartbeats return.

    Pod, Expiry -> marked_expired -> not ready, and why           Pod -> restored -> as before

The previous Ready condition is kept as a condition of another type, so that a heartbeat
restores exactly that.  How heartbeats arrive, and how many expired Pods are too many, is
not known here.

Source: contract.md, "Objects", for leases.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.copies import replace
from app.domain.objects.meta import Condition, format_time
from app.domain.objects.pod import LEASE_EXPIRED, READY, READY_BEFORE, Pod
from app.domain.registration.health.mass_failure import WINDOW_S_DEFAULT
from app.domain.registration.pod_conditions import with_pod_defaults

REMOVAL_GRACE_S_MIN = WINDOW_S_DEFAULT  # within the window the guard may still hold the Pod


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry:
    """A lease that expired at ``since``; the last heartbeat came at ``heard_at``.

    ``reason`` is LeaseExpired for the Pod's own lease, NodeLeaseExpired for its node's.
    """

    reason: str
    heard_at: datetime
    since: datetime


def marked_expired(pod: Pod, expiry: Expiry, *, now: datetime) -> Pod:
    """Mark a Pod not ready and keep its Ready condition; the same Pod if that is done already."""
    current = pod.ready_condition or Condition(type=READY, status="False")
    if pod.has_expired_lease and current.reason == expiry.reason:
        return pod
    kept = _before(pod) if pod.has_expired_lease else replace(current, type=READY_BEFORE)
    expired = Condition(
        type=READY,
        status="False",
        reason=expiry.reason,
        message=_message(pod, expiry),
        last_transition_at=now if current.status == "True" else current.last_transition_at,
    )
    return with_ready(pod, expired, () if kept is None else (kept,))


def restored(pod: Pod, *, at: datetime | None) -> Pod:
    """Restore the Ready condition from before the lease expired; the same Pod if none has.

    ``at`` is when heartbeats returned; None restores the previous transition time as well.
    """
    if not pod.has_expired_lease:
        return pod
    kept = _before(pod)
    if kept is None:  # the previous condition is unknown: begin as with a new Pod
        others = tuple(entry for entry in pod.conditions if entry.type != READY)
        return with_pod_defaults(replace(pod, conditions=others))
    moved = at is not None and kept.status == "True"
    ready = replace(kept, type=READY, last_transition_at=at if moved else kept.last_transition_at)
    return with_pod_defaults(with_ready(pod, ready))


def was_ready(pod: Pod) -> bool:
    """Whether a Pod is ready, or would be if its lease had not expired."""
    kept = _before(pod) if pod.has_expired_lease else None
    return pod.is_ready or (kept is not None and kept.status == "True")


def without_leftovers(pod: Pod) -> Pod:
    """Drop the kept Ready condition once a client has reported readiness anew."""
    if pod.has_expired_lease or _before(pod) is None:
        return pod
    return replace(pod, conditions=tuple(e for e in pod.conditions if e.type != READY_BEFORE))


def is_removable(pod: Pod, expiry: Expiry, *, earliest: datetime, now: datetime) -> bool:
    """Whether a Pod's own lease expired so long ago that the Pod counts as gone.

    The grace period is as long as the lease, and does not start before ``earliest``.
    """
    if expiry.reason != LEASE_EXPIRED or not pod.has_expired_lease:
        return False
    condition = pod.ready_condition
    not_ready_at = None if condition is None else condition.last_transition_at
    start = max(expiry.since, earliest, not_ready_at or earliest)
    grace_s = max(REMOVAL_GRACE_S_MIN, pod.lease_duration_s or 0)
    return now >= start + timedelta(seconds=grace_s)


def with_ready(pod: Pod, ready: Condition, kept: tuple[Condition, ...] = ()) -> Pod:
    """Replace the Ready condition in its place, and the one from before an expiry by ``kept``."""
    others = [entry for entry in pod.conditions if entry.type != READY_BEFORE]
    places = [place for place, entry in enumerate(others) if entry.type == READY]
    first = places[0] if places else len(others)
    rest = [entry for entry in others if entry.type != READY]
    return replace(pod, conditions=(*rest[:first], ready, *rest[first:], *kept))


def _before(pod: Pod) -> Condition | None:
    return next((entry for entry in pod.conditions if entry.type == READY_BEFORE), None)


def _message(pod: Pod, expiry: Expiry) -> str:
    source = "" if expiry.reason == LEASE_EXPIRED else f" of node {pod.node_name}"
    return f"no heartbeat{source} since {format_time(expiry.heard_at)}"
