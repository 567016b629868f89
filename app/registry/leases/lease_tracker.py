"""The last heartbeat of each lease, as far as this process knows; all of it in memory.

    heartbeat -> renew -> unsaved heartbeats          rows of other processes -> learn
    created and deleted Pods -> follow -> expected leases

Times are seconds of one monotonic clock, which is passed in and stops while no heartbeat could
be received.  ``app.registry.leases.lease_expiry`` decides what an expired lease means.

Source: contract.md, "Objects", for leases.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from app.domain.names import NamespacedName
from app.domain.objects.node import NODE, Node
from app.domain.objects.pod import LEASE_EXPIRED, NODE_LEASE_EXPIRED, POD, Pod
from app.domain.objects.resource import Object
from app.domain.registration.health.leases import Expiry
from app.registry.reads.view import Advance, View

NODE_LEASE_S_DEFAULT = 40
SLACK_S = 2.0  # seconds until a heartbeat that another process answered is in the table


class Lease(NamedTuple):
    """The lease of a Pod or of a Node; a tuple, because it is hashed often."""

    kind: str
    key: NamespacedName


def pod_lease(pod: NamespacedName) -> Lease:
    """Name the lease of a Pod."""
    return Lease(POD.name, pod)


def node_lease(node: str) -> Lease:
    """Name the lease of a Node, which its agent renews."""
    return Lease(NODE.name, NamespacedName("", node))


class LeaseTracker:
    """Durations and last heartbeats of leases; used from one event loop only."""

    def __init__(
        self,
        *,
        node_lease_s: int = NODE_LEASE_S_DEFAULT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take times from ``clock``; a Node's lease lasts ``node_lease_s``."""
        self._node_lease_s = node_lease_s
        self._real_clock = clock
        self._excluded_s = 0.0
        self._durations_s: dict[Lease, float] = {}
        self._heard_s: dict[Lease, float] = {}
        self._unsaved: dict[Lease, float] = {}
        self._gone: set[Lease] = set()
        self._began_s = self._clock()
        self.renewals = Counter[str]()
        """Heartbeats since the start, by the kind of the lease's object."""

    @property
    def node_lease_s(self) -> int:
        """Duration of the lease that the agent of a Node renews."""
        return self._node_lease_s

    def follow(self, view: View) -> Callable[[], None]:
        """Track the leases of all Pods of ``view``; returns the function that ends that."""
        for key, pod in view.snapshot.pods.items():
            if pod.lease_duration_s is not None:
                self._durations_s[pod_lease(key)] = pod.lease_duration_s
        return view.subscribe(self._observe)

    def exclude(self, stall_s: float) -> None:
        """Exclude time in which no heartbeat could be received from all leases."""
        self._excluded_s += stall_s

    def start_term(self) -> None:
        """Begin to lead: leases not heard of before get a full period from now."""
        self._began_s = self._clock()

    def renew(self, lease: Lease) -> None:
        """Record a heartbeat."""
        if lease.kind == NODE.name:
            self._durations_s[lease] = self._node_lease_s
        self._heard_s[lease] = self._unsaved[lease] = self._clock()
        self.renewals[lease.kind] += 1

    @property
    def tracked(self) -> Counter[str]:
        """Count the leases by the kind of their object."""
        return Counter(lease.kind for lease in self._durations_s)

    def take_unsaved(self) -> Mapping[Lease, float]:
        """Hand over the heartbeats since the last call, as seconds ago."""
        taken, self._unsaved = self._unsaved, {}
        now_s = self._clock()
        return {lease: now_s - heard_s for lease, heard_s in taken.items()}

    def put_back(self, unsaved: Mapping[Lease, float]) -> None:
        """Take back heartbeats that could not be saved, unless there are newer ones."""
        for lease in unsaved:
            if lease in self._heard_s:
                self._unsaved.setdefault(lease, self._heard_s[lease])

    def take_deleted(self) -> set[Lease]:
        """Hand over the leases of objects deleted since the last call and not created again."""
        taken, self._gone = self._gone, set[Lease]()
        return taken

    def learn(self, ages_s: Mapping[Lease, float]) -> None:
        """Record heartbeats of other processes, as seconds ago; older ones are ignored."""
        now_s = self._clock()
        for lease, age_s in ages_s.items():
            if lease.kind == NODE.name:
                self._durations_s.setdefault(lease, self._node_lease_s)
            if lease in self._durations_s:
                heard_s = now_s - max(0.0, age_s)
                self._heard_s[lease] = max(heard_s, self._heard_s.get(lease, heard_s))

    def overdue(self) -> Iterable[Lease]:
        """List the leases that seem to have expired since ``start_term``."""
        now_s, began_s, heard_s = self._clock() - SLACK_S, self._began_s, self._heard_s
        return [
            lease
            for lease, duration_s in self._durations_s.items()
            if max(heard_s.get(lease, began_s), began_s) + duration_s < now_s
        ]

    def expiry(self, lease: Lease, *, now: datetime, is_known: bool) -> Expiry | None:
        """Say since when a lease has been expired; None when it has not.

        A lease that ``is_known`` to have expired before gets no new period.
        """
        duration_s, heard_s = self._durations_s.get(lease), self._heard_s.get(lease)
        if duration_s is None:
            return None
        start_s = self._began_s if heard_s is None else heard_s
        if not is_known:
            start_s = max(start_s, self._began_s)
        now_s = self._clock()
        ended_s = start_s + duration_s
        is_over = ended_s + SLACK_S < now_s or (is_known and heard_s is None)
        if not is_over:
            return None
        return Expiry(
            reason=LEASE_EXPIRED if lease.kind == POD.name else NODE_LEASE_EXPIRED,
            heard_at=now - timedelta(seconds=now_s - start_s),
            since=now - timedelta(seconds=max(0.0, now_s - ended_s)),
        )

    def began_at(self, now: datetime) -> datetime:
        """Give the time of ``start_term``, as wall clock time relative to ``now``."""
        return now - timedelta(seconds=self._clock() - self._began_s)

    def _clock(self) -> float:
        return self._real_clock() - self._excluded_s

    def _observe(self, advance: Advance) -> None:
        for change in advance.changes:
            if isinstance(change.object, Pod):
                self._expect(change.before, change.after)
            elif isinstance(change.object, Node) and change.after is None:
                self._forget(node_lease(change.key.name))

    def _expect(self, before: Object | None, after: Object | None) -> None:
        """Track the lease of a Pod; registering it counts as its first heartbeat."""
        old = before if isinstance(before, Pod) else None
        new = after if isinstance(after, Pod) else None
        if new is None or new.lease_duration_s is None:
            if old is not None and old.lease_duration_s is not None:
                self._forget(pod_lease(old.metadata.key))
            return
        lease = pod_lease(new.metadata.key)
        self._durations_s[lease] = new.lease_duration_s
        self._gone.discard(lease)
        if old is None or old.lease_duration_s is None or old.metadata.uid != new.metadata.uid:
            self._heard_s[lease] = self._clock()

    def _forget(self, lease: Lease) -> None:
        for known in (self._durations_s, self._heard_s, self._unsaved):
            known.pop(lease, None)
        self._gone.add(lease)
