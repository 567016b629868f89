"""How an object goes for good: it is taken out, and what it held is given back.

    object -> gone          state, now -> the terminating objects that nothing holds any more

Source: spec kubernetes-api 1.12 and 5.9.
"""

from collections.abc import Iterator
from datetime import datetime

from app.domain.objects.kinds import ENDPOINT_SLICE, NODE, POD, SERVICE, Object
from app.domain.objects.service import Service
from app.domain.registration.finalizers import lasting_finalizers
from app.domain.registration.services import released
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


def remove_expired(work: Work) -> None:
    """Take out everything that is terminating and has nothing left to wait for."""
    for marked in tuple(expired(work.snapshot, work.now)):
        remove(work, marked)
