"""What follows from silence: who is let go, who is kept by the guard, who is removed.

    state, LeaseBook -> silent Pods -> a judgement a Service -> puts and removals

A decision like any other: it runs under the revision counter's lock, on the
state of that moment, and finds nothing to do when all is as it should be.  A
Pod of several Services stays as long as one of them holds it.

Source: contract.md, "Objects", for leases; ``mass_failure`` for the guard.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime

from app.domain.names import NamespacedName
from app.domain.objects.node import NODE
from app.domain.objects.pod import LEASE_EXPIRED, POD, Pod
from app.domain.objects.service import Service
from app.domain.registration.health.leases import Lapse, is_removable, lapsed, restored, was_ready
from app.domain.registration.health.mass_failure import (
    GuardPolicy,
    Silence,
    conditioned,
    judge,
    policy_of,
)
from app.domain.snapshot import Snapshot
from app.domain.work import Work
from app.registry.leases.lease_tracker import Lease, LeaseBook, node_lease, pod_lease
from app.registry.writes import lifecycle

GUARD_DEFAULT = GuardPolicy()

Silent = Mapping[NamespacedName, Lapse]
"""Pods by key, with the lease that ran out."""


def suspects(snapshot: Snapshot, book: LeaseBook) -> frozenset[Lease]:
    """Name the leases that a judgement depends on: what others have heard of them counts."""
    return frozenset(
        lease
        for key in _known(snapshot)
        for lease in (pod_lease(key), node_lease(snapshot.pods[key].node_name))
        if lease.key.name
    ).union(book.overdue())


def settle(work: Work, book: LeaseBook) -> None:
    """Make the readiness of Pods, and the conditions of Services, what silence makes of them."""
    silent = _silent(work.snapshot, book, work.now)
    held = _judged(work, silent)
    earliest = book.began_at(work.now)
    for key, lapse in sorted(silent.items()):
        pod = work.snapshot.pods[key]
        if key in held:
            work.put(restored(pod, at=None))
        elif is_removable(pod, lapse, earliest=earliest, now=work.now):
            lifecycle.delete(work, POD, key, grace_s=0)
        else:
            work.put(lapsed(pod, lapse, now=work.now))
    for key in sorted(work.snapshot.members("lapsed")):
        if key not in silent:
            work.put(restored(work.snapshot.pods[key], at=work.now))


def revive(work: Work, pods: frozenset[NamespacedName]) -> None:
    """Give Pods that were heard again what they said of themselves."""
    for key in sorted(pods):
        pod = work.snapshot.pods.get(key)
        condition = None if pod is None else pod.ready_condition
        if pod is not None and condition is not None and condition.reason == LEASE_EXPIRED:
            work.put(restored(pod, at=work.now))


def _known(snapshot: Snapshot) -> set[NamespacedName]:
    """List the Pods known to have been silent, whatever they are now: let go, or held."""
    found = set(snapshot.members("lapsed"))
    for service in snapshot.members("guarded"):
        found.update(
            pod.metadata.key for pod in snapshot.pods_selected_by(snapshot.services[service])
        )
    return found


def _silent(snapshot: Snapshot, book: LeaseBook, now: datetime) -> Silent:
    known = _known(snapshot)
    candidates = set(known)
    for lease in book.overdue():
        if lease.kind == NODE.name:
            candidates.update(pod.metadata.key for pod in snapshot.pods_on(lease.key.name))
        elif lease.key in snapshot.pods:
            candidates.add(lease.key)
    found: dict[NamespacedName, Lapse] = {}
    for key in candidates:
        lapse = _lapse_of(snapshot.pods[key], book, now, is_known=key in known)
        if lapse is not None:
            found[key] = lapse
    return found


def _lapse_of(pod: Pod, book: LeaseBook, now: datetime, *, is_known: bool) -> Lapse | None:
    """Find the lease that keeps a Pod out: its own, or that of the node whose agent probes it."""
    if pod.lease_duration_s is not None:
        own = book.lapse(pod_lease(pod.metadata.key), now=now, is_known=is_known)
        if own is not None:
            return own
    if not pod.node_name or not pod.is_probed_from_outside:
        return None
    lapse = book.lapse(node_lease(pod.node_name), now=now, is_known=is_known)
    return None if lapse is None or _is_vouched_for(pod, lapse) else lapse


def _is_vouched_for(pod: Pod, lapse: Lapse) -> bool:
    """Whether somebody has reported on a Pod after its node fell silent, or it is not ready."""
    if pod.is_lapsed:
        return False
    at = None if pod.ready_condition is None else pod.ready_condition.last_transition_at
    return not pod.is_ready or (at is not None and at > lapse.since)


def _judged(work: Work, silent: Silent) -> frozenset[NamespacedName]:
    """Judge every Service that silence concerns; gives the Pods that are held."""
    concerned = set(work.snapshot.members("guarded"))
    for key in silent:
        pod = work.snapshot.pods[key]
        for service in work.snapshot.services_selecting(key.namespace, pod.metadata.labels):
            concerned.add(service.metadata.key)
    held: set[NamespacedName] = set()
    for key in sorted(concerned):
        service = work.snapshot.services[key]
        silences, answering = _counted(work.snapshot, service, silent)
        judgement = judge(
            service,
            silences,
            answering=answering,
            policy=policy_of(service, GUARD_DEFAULT),
            now=work.now,
        )
        work.put(conditioned(service, judgement))
        held.update(judgement.held)
    return frozenset(held)


def _counted(snapshot: Snapshot, service: Service, silent: Silent) -> tuple[list[Silence], int]:
    """Tell a Service's ready endpoints apart: those that are silent, and how many answer."""
    silences: list[Silence] = []
    answering = 0
    for pod in _able(snapshot, service):
        lapse = silent.get(pod.metadata.key)
        if lapse is None:
            answering += 1
        else:
            is_held = service.is_guarded and pod.is_ready
            silences.append(Silence(pod=pod.metadata.key, since=lapse.since, is_held=is_held))
    return silences, answering


def _able(snapshot: Snapshot, service: Service) -> Iterator[Pod]:
    """List the Pods that are ready endpoints, or were until a lease ran out."""
    if service.is_external_name or service.publish_not_ready_addresses:
        return  # such endpoints count as ready whatever is heard: none can be lost
    for pod in snapshot.pods_selected_by(service):
        if was_ready(pod) and pod.pod_ips and not (pod.is_finished or pod.metadata.is_terminating):
            yield pod
