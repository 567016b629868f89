"""Two revisions of the registry, and the Services that differ between them.

    Snapshot, Snapshot -> keys of the Services that may differ
    Snapshot, Snapshot -> Step(before, after, touched)

A Service is touched by a difference in itself or in a slice, and through an address,
a node port or an endpoint that it shares with such a one: what two Services share
in a set stays while one of them needs it.  What nodes make of it is not known here.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from app.domain.addresses import canonical
from app.domain.dataplane.rules.conflicts import rivals
from app.domain.dataplane.rules.service_addresses import reaches
from app.domain.names import NamespacedName
from app.domain.objects.endpoint_slice import Endpoint, EndpointSlice
from app.domain.snapshot import Snapshot

_PART_MAX = 512  # touched Services above which whole states may be compared instead,
_WHOLE_SHARE = 4  # if they are more than one in four


@dataclass(frozen=True, slots=True)
class Step:
    """Two states of the registry and the Services that differ."""

    before: Snapshot
    after: Snapshot
    touched: tuple[NamespacedName, ...]
    """Services of which anything may differ, and those that share an address with them."""

    @property
    def is_whole(self) -> bool:
        """Whether so much is touched that comparing everything costs no more."""
        touched = len(self.touched)
        return touched > _PART_MAX and touched * _WHOLE_SHARE > len(self.after.services)


def step_between(before: Snapshot, after: Snapshot) -> Step:
    """Find what differs, at the cost of what differs; the one snapshot was made of the other."""
    touched = differing(before, after)
    for address in _moved_addresses(before, after):
        for snapshot in (before, after):
            keys = (slice_.service for slice_ in snapshot.slices_with(address))
            touched.update(key for key in keys if key is not None)
    return Step(before, after, tuple(sorted(touched)))


def differing(before: Snapshot, after: Snapshot) -> set[NamespacedName]:
    """List the Services that two snapshots may see differently."""
    if not before.services:
        return set(after.services)
    found = set(before.services.differences(after.services))
    for sides in _changed_slices(before, after):
        found.update(each.service for each in sides if each and each.service)
    for key in tuple(found):
        for snapshot in (before, after):
            if (service := snapshot.services.get(key)) is not None:
                claimants = rivals(snapshot, service, reaches(service))
                found.update(claimant.metadata.key for claimant in claimants)
    return found


def _moved_addresses(before: Snapshot, after: Snapshot) -> set[str]:
    """List the endpoint addresses that a step may put into sets or take out of them."""
    moved: set[Endpoint] = set()
    for key in before.services.differences(after.services):
        for slice_ in (*before.slices_of(key), *after.slices_of(key)):
            moved.update(slice_.endpoints)
    for old, new in _changed_slices(before, after):
        was = () if old is None else old.endpoints
        becomes = () if new is None else new.endpoints
        if old is not None and new is not None and _is_alike(old, new):
            moved |= set(was) ^ set(becomes)
        else:
            moved.update(was, becomes)
    return {canonical(endpoint.addresses[0]) for endpoint in moved if endpoint.addresses}


def _changed_slices(
    before: Snapshot, after: Snapshot
) -> Iterator[tuple[EndpointSlice | None, EndpointSlice | None]]:
    for key in before.slices.differences(after.slices):
        yield before.slices.get(key), after.slices.get(key)


def _is_alike(old: EndpointSlice, new: EndpointSlice) -> bool:
    """Whether two versions of a slice differ in their endpoints only."""
    return old.ports == new.ports and old.metadata.labels == new.metadata.labels
