"""From one revision to a later one: what of the Services may differ.

    Snapshot after, changes since -> Step(before, after, touched Services)

A Service is touched by a change of itself or of a slice, and through an address,
a node port or an endpoint that it shares with such a one: what two Services share
in a set stays while one of them needs it.  What nodes make of it is not known here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from app.domain.addresses import canonical
from app.domain.changes import Change
from app.domain.dataplane.rules.conflicts import rivals
from app.domain.dataplane.rules.service_addresses import reaches
from app.domain.names import NamespacedName, Revision
from app.domain.objects.endpoint_slice import Endpoint, EndpointSlice
from app.domain.objects.service import Service
from app.domain.snapshot import Snapshot

_PART_MAX = 512  # touched Services above which whole states may be compared instead,
_WHOLE_SHARE = 4  # if they are more than one in four


@dataclass(frozen=True, slots=True)
class Step:
    """Two states of the registry and what happened in between."""

    before: Snapshot
    after: Snapshot
    touched: tuple[NamespacedName, ...]
    """Services of which anything may differ, and those that share an address with them."""

    @property
    def is_whole(self) -> bool:
        """Whether so much is touched that comparing everything costs no more."""
        touched = len(self.touched)
        return touched > _PART_MAX and touched * _WHOLE_SHARE > len(self.after.services)


def step_to(after: Snapshot, changes: Sequence[Change], *, since: Revision) -> Step:
    """Tell what led to ``after`` from an earlier revision, given all changes since, in order."""
    inverse = [
        Change(revision=change.revision, before=change.after, after=change.before)
        for change in reversed(changes)
    ]
    before = replace(after.apply(inverse), revision=since)
    touched = services_of(changes)
    sharing = _sharing(before, after, touched) | _sharing_endpoints(before, after, changes)
    return Step(before, after, tuple(sorted(touched | sharing)))


def services_of(changes: Iterable[Change]) -> set[NamespacedName]:
    """List the Services that changes concern, by themselves or through a slice."""
    found: set[NamespacedName] = set()
    for change in changes:
        for side in (change.before, change.after):
            if isinstance(side, Service):
                found.add(side.metadata.key)
            elif isinstance(side, EndpointSlice) and side.service is not None:
                found.add(side.service)
    return found


def _sharing(
    before: Snapshot, after: Snapshot, touched: Iterable[NamespacedName]
) -> set[NamespacedName]:
    """Find Services that share an address, a node port or an endpoint with the touched ones."""
    found: set[NamespacedName] = set()
    for key in touched:
        for snapshot in (before, after):
            service = snapshot.services.get(key)
            if service is None:
                continue
            found.update(
                rival.metadata.key for rival in rivals(snapshot, service, reaches(service))
            )
    return found


def _sharing_endpoints(
    before: Snapshot, after: Snapshot, changes: Iterable[Change]
) -> set[NamespacedName]:
    """Find Services that have an endpoint in common with what a change added or removed."""
    found: set[NamespacedName] = set()
    for snapshot in (before, after):
        addresses: set[str] = set()
        for change in changes:
            addresses |= _moved_addresses(change, snapshot)
        for address in addresses:
            keys = (slice_.service for slice_ in snapshot.slices_with(address))
            found.update(key for key in keys if key is not None)
    return found


def _moved_addresses(change: Change, snapshot: Snapshot) -> set[str]:
    """List the endpoint addresses that a change may put into sets or take out of them."""
    if isinstance(change.object, Service):
        slices = snapshot.slices_of(change.object.metadata.key)
        return {address for slice_ in slices for address in _addresses(slice_.endpoints)}
    old, new = change.before, change.after
    was = old.endpoints if isinstance(old, EndpointSlice) else ()
    now = new.endpoints if isinstance(new, EndpointSlice) else ()
    if isinstance(old, EndpointSlice) and isinstance(new, EndpointSlice) and _is_alike(old, new):
        return _addresses(set(was) ^ set(now))
    return _addresses((*was, *now))


def _is_alike(old: EndpointSlice, new: EndpointSlice) -> bool:
    """Whether two versions of a slice differ in their endpoints only."""
    return old.ports == new.ports and old.metadata.labels == new.metadata.labels


def _addresses(endpoints: Iterable[Endpoint]) -> set[str]:
    return {canonical(endpoint.addresses[0]) for endpoint in endpoints if endpoint.addresses}
