"""Marks Pods with expired leases not ready or removes them, unless the guard holds them.

    state, LeaseTracker -> Pods with expired leases -> evaluation per Service -> puts and removals

A decision like any other: it runs under the revision counter's lock on the current state, and
changes nothing when the state is correct already.  A Pod of several Services stays ready as
long as the mass-failure guard of one of them holds it.

Source: contract.md, "Objects", for leases; ``mass_failure`` for the guard.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime

from app.domain.names import NamespacedName
from app.domain.objects.node import NODE
from app.domain.objects.pod import LEASE_EXPIRED, POD, Pod
from app.domain.objects.service import Service
from app.domain.registration.health.leases import (
    Expiry,
    is_removable,
    marked_expired,
    restored,
    was_ready,
)
from app.domain.registration.health.mass_failure import (
    GuardPolicy,
    Silence,
    conditioned,
    judge,
    policy_of,
)
from app.domain.snapshot import Snapshot
from app.domain.work import Work
from app.registry.leases.lease_tracker import Lease, LeaseTracker, node_lease, pod_lease
from app.registry.writes import lifecycle

GUARD_DEFAULT = GuardPolicy()

ExpiredPods = Mapping[NamespacedName, Expiry]
"""Pods by key, with the lease that expired."""


def leases_in_question(snapshot: Snapshot, tracker: LeaseTracker) -> frozenset[Lease]:
    """List the leases to read from the table before expiring, as other processes renew them too."""
    return frozenset(
        lease
        for key in _known(snapshot)
        for lease in (pod_lease(key), node_lease(snapshot.pods[key].node_name))
        if lease.key.name
    ).union(tracker.overdue())


def expire(work: Work, tracker: LeaseTracker) -> None:
    """Set the readiness of Pods and the guard conditions of Services by their leases."""
    expired = _expired(work.snapshot, tracker, work.now)
    held = _held_by_guards(work, expired)
    earliest = tracker.began_at(work.now)
    for key, expiry in sorted(expired.items()):
        pod = work.snapshot.pods[key]
        if key in held:
            work.put(restored(pod, at=None))
        elif is_removable(pod, expiry, earliest=earliest, now=work.now):
            lifecycle.delete(work, POD, key, grace_s=0)
        else:
            work.put(marked_expired(pod, expiry, now=work.now))
    for key in sorted(work.snapshot.members("lease-expired")):
        if key not in expired:
            work.put(restored(work.snapshot.pods[key], at=work.now))


def restore(work: Work, pods: frozenset[NamespacedName]) -> None:
    """Give Pods that sent a heartbeat again the readiness that was reported before."""
    for key in sorted(pods):
        pod = work.snapshot.pods.get(key)
        condition = None if pod is None else pod.ready_condition
        if pod is not None and condition is not None and condition.reason == LEASE_EXPIRED:
            work.put(restored(pod, at=work.now))


def _known(snapshot: Snapshot) -> set[NamespacedName]:
    """List the Pods whose lease expired before: marked not ready, or held by the guard."""
    found = set(snapshot.members("lease-expired"))
    for service in snapshot.members("guarded"):
        found.update(
            pod.metadata.key for pod in snapshot.pods_selected_by(snapshot.services[service])
        )
    return found


def _expired(snapshot: Snapshot, tracker: LeaseTracker, now: datetime) -> ExpiredPods:
    known = _known(snapshot)
    candidates = set(known)
    for lease in tracker.overdue():
        if lease.kind == NODE.name:
            candidates.update(pod.metadata.key for pod in snapshot.pods_on(lease.key.name))
        elif lease.key in snapshot.pods:
            candidates.add(lease.key)
    found: dict[NamespacedName, Expiry] = {}
    for key in candidates:
        expiry = _expiry_of(snapshot.pods[key], tracker, now, is_known=key in known)
        if expiry is not None:
            found[key] = expiry
    return found


def _expiry_of(pod: Pod, tracker: LeaseTracker, now: datetime, *, is_known: bool) -> Expiry | None:
    """Find an expired lease of a Pod: its own, or that of the node whose agent probes it."""
    if pod.lease_duration_s is not None:
        own = tracker.expiry(pod_lease(pod.metadata.key), now=now, is_known=is_known)
        if own is not None:
            return own
    if not pod.node_name or not pod.is_probed_from_outside:
        return None
    expiry = tracker.expiry(node_lease(pod.node_name), now=now, is_known=is_known)
    return None if expiry is None or _has_other_report(pod, expiry) else expiry


def _has_other_report(pod: Pod, expiry: Expiry) -> bool:
    """Whether a Pod is not ready, or was reported ready after its node's lease expired."""
    if pod.has_expired_lease:
        return False
    at = None if pod.ready_condition is None else pod.ready_condition.last_transition_at
    return not pod.is_ready or (at is not None and at > expiry.since)


def _held_by_guards(work: Work, expired: ExpiredPods) -> frozenset[NamespacedName]:
    """Evaluate the guard of every affected Service; gives the Pods that are held."""
    affected = set(work.snapshot.members("guarded"))
    for key in expired:
        pod = work.snapshot.pods[key]
        for service in work.snapshot.services_selecting(key.namespace, pod.metadata.labels):
            affected.add(service.metadata.key)
    held: set[NamespacedName] = set()
    for key in sorted(affected):
        service = work.snapshot.services[key]
        silences, answering = _counted(work.snapshot, service, expired)
        evaluation = judge(
            service,
            silences,
            answering=answering,
            policy=policy_of(service, GUARD_DEFAULT),
            now=work.now,
        )
        work.put(conditioned(service, evaluation))
        held.update(evaluation.held)
    return frozenset(held)


def _counted(
    snapshot: Snapshot, service: Service, expired: ExpiredPods
) -> tuple[list[Silence], int]:
    """List a Service's ready endpoints with expired leases, and count the others."""
    silences: list[Silence] = []
    answering = 0
    for pod in _ready_endpoints(snapshot, service):
        expiry = expired.get(pod.metadata.key)
        if expiry is None:
            answering += 1
        else:
            is_held = service.is_guarded and pod.is_ready
            silences.append(Silence(pod=pod.metadata.key, since=expiry.since, is_held=is_held))
    return silences, answering


def _ready_endpoints(snapshot: Snapshot, service: Service) -> Iterator[Pod]:
    """List the Pods that are ready endpoints, or were until a lease expired."""
    if service.is_external_name or service.publish_not_ready_addresses:
        return  # such endpoints count as ready in any case
    for pod in snapshot.pods_selected_by(service):
        if was_ready(pod) and pod.pod_ips and not (pod.is_finished or pod.metadata.is_terminating):
            yield pod
