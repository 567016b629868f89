"""One write while it is being decided: the state before it, and its changes.

    (state, request) -> decide(work) -> changes that share one revision, or a refusal

Everything a decision needs is here and in memory: the snapshot is the state
right before the write, guaranteed current because the store holds the revision
counter's lock, or commits only if the counter has not moved.  Nothing is visible
outside before the store has committed.

Source: style.md 2; docs/decisions/0007.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from app.domain.access.subjects import UNSECURED, User
from app.domain.changes import Change
from app.domain.copies import replace
from app.domain.names import NamespacedName, Revision, Uid
from app.domain.objects.resource import Object
from app.domain.resources import resource_of
from app.domain.snapshot import Snapshot

_ORDINAL_BITS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The operator's settings for the whole registry; ranges are text in CIDR form."""

    service_cidrs: tuple[str, ...] = ("10.96.0.0/12", "fd00:10:96::/112")
    cluster_domain: str = "cluster.local"
    cluster_dns: str = "10.96.0.10"
    node_ports: range = range(30_000, 32_768)
    endpoints_per_slice: int = 100
    creates_namespaces: bool = True
    token_days_max: int = 366  # until tokens of users expire
    tokens_of_user_max: int = 10_000  # at once, revoked and expired ones included


@dataclass(slots=True, kw_only=True)
class Work:
    """A write in progress.  ``revision`` is that of all its changes, if there are any.

    ``cursors`` give, by range, the number at which the next allocation starts.
    """

    snapshot: Snapshot
    revision: Revision
    now: datetime
    new_uid: Callable[[], Uid]
    policy: Policy
    cursors: Mapping[str, int]
    user: User = UNSECURED
    """Whose write it is; the system's own may do everything."""
    warnings: list[str] = field(default_factory=list[str])
    _before: dict[tuple[str, NamespacedName], Object | None] = field(
        default_factory=dict[tuple[str, NamespacedName], Object | None]
    )

    _listed: tuple[tuple[Change, ...], Snapshot | None] = ((), None)

    def seed(self, ordinal: int) -> int:
        """Make a seed for pseudo-random choices, different for every revision and ordinal."""
        return (self.revision << _ORDINAL_BITS) + ordinal

    def find(self, kind: str, key: NamespacedName) -> Object | None:
        """Find an object as changed by this write so far."""
        return self.snapshot.objects[kind].get(key)

    def put(self, desired: Object) -> Object:
        """Add or replace an object; an unchanged one keeps its revision.

        Returns the object as it will be stored.
        """
        kind, key = resource_of(desired).name, desired.metadata.key
        current = self.find(kind, key)
        if current is not None and current == _versioned_as(current, desired):
            return current
        meta = replace(desired.metadata, revision=self.revision, resource_version="")
        stored = replace(desired, metadata=meta)
        self._step(kind, key, current, stored)
        return stored

    def remove(self, gone: Object) -> None:
        """Remove an object, if it exists."""
        kind, key = resource_of(gone).name, gone.metadata.key
        current = self.find(kind, key)
        if current is not None:
            self._step(kind, key, current, None)

    def changes(self) -> tuple[Change, ...]:
        """List the net changes of this write, one per object, in order of first touch."""
        listed, snapshot = self._listed
        if snapshot is not self.snapshot:  # else nothing was written since they were listed
            listed = tuple(
                Change(revision=self.revision, before=before, after=after)
                for (kind, key), before in self._before.items()
                if (after := self.find(kind, key)) is not before
            )
            self._listed = listed, self.snapshot
        return listed

    def _step(
        self, kind: str, key: NamespacedName, before: Object | None, after: Object | None
    ) -> None:
        self._before.setdefault((kind, key), before)
        change = Change(revision=self.revision, before=before, after=after)
        self.snapshot = self.snapshot.apply((change,))


def _versioned_as(current: Object, desired: Object) -> Object:
    known = current.metadata
    version = {"revision": known.revision, "resource_version": known.resource_version}
    return replace(desired, metadata=replace(desired.metadata, **version))
