"""How an object goes for good: it is taken out, and what it held is given back.

    object -> gone          state, now -> the terminating objects that nothing holds any more

Source: spec kubernetes-api 1.12 and 5.9.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from app.domain.objects.kinds import ENDPOINT_SLICE, NODE, POD, SERVICE, Object
from app.domain.objects.service import Service
from app.domain.registration.finalizers import lasting_finalizers
from app.domain.registration.service.admission import released
from app.domain.snapshot import Snapshot
from app.registry.services import pools_of
from app.registry.work import Work

_GO_BY_THEMSELVES = (ENDPOINT_SLICE, POD, SERVICE, NODE)
"""Kinds of which a terminating object goes once its time is over and nothing holds it."""


def remove(work: Work, gone: Object) -> None:
    """Take an object out; a Service's addresses are not the next to be handed out."""
    if isinstance(gone, Service):
        work.cursors = released(gone, pools_of(work)).cursors
    work.remove(gone)


def expired(snapshot: Snapshot, now: datetime) -> Iterator[Object]:
    """List what is terminating and has nothing left to wait for, by kind and key.

    Besides Pods whose grace period is over, that is what an earlier version marked for a
    finalizer which no longer counts.
    """
    for kind in _GO_BY_THEMSELVES:
        for key in sorted(snapshot.members("terminating", kind.name)):
            marked = snapshot.of_kind(kind.name)[key]
            at = marked.metadata.deleted_at
            if at is not None and at <= now and not lasting_finalizers(marked):
                yield marked


def is_due(snapshot: Snapshot, now: datetime) -> bool:
    """Whether ``remove_expired`` would do anything."""
    return any(True for _ in expired(snapshot, now)) or any(True for _ in _postponed(snapshot, now))


def remove_expired(work: Work) -> None:
    """Take out everything that is terminating and has nothing left to wait for.

    A grace period that ends later than a whole one from now was begun by a clock that has
    been put back since: it counts from now.
    """
    for marked in tuple(expired(work.snapshot, work.now)):
        remove(work, marked)
    for marked in tuple(_postponed(work.snapshot, work.now)):
        meta = replace(marked.metadata, deleted_at=_latest_end(marked, work.now))
        work.put(replace(marked, metadata=meta))


def _postponed(snapshot: Snapshot, now: datetime) -> Iterator[Object]:
    for key in sorted(snapshot.members("terminating", POD.name)):
        pod = snapshot.pods[key]
        if pod.metadata.deleted_at is not None and pod.metadata.deleted_at > _latest_end(pod, now):
            yield pod


def _latest_end(marked: Object, now: datetime) -> datetime:
    """Tell when a grace period ends at the latest; clocks are compared in whole seconds."""
    return now + timedelta(seconds=(marked.metadata.deletion_grace_s or 0) + 1)
