"""The parts of a state that answers about a subject are made from.

    Snapshot, Subject -> its objects, and whether its namespaces exist

Two states that have the very same parts for every subject of an answer give the same answer.  A
state keeps the very same object until a change replaces it, so parts are compared by identity,
which costs nothing at a change and little at a question.

Source: ``subjects``, which lists the subjects; style.md 2, decision 3.
"""

from collections.abc import Iterable, Iterator

from app.domain.discovery.zone.subjects import Subject
from app.domain.names import NamespacedName
from app.domain.snapshot import Snapshot


def ground_of(snapshot: Snapshot, subjects: Iterable[Subject]) -> tuple[object, ...]:
    """List the parts that answers about several subjects are made from, in their order."""
    return tuple([part for subject in subjects for part in _parts(snapshot, subject)])


def _parts(snapshot: Snapshot, subject: Subject) -> Iterator[object]:
    if isinstance(subject, str):
        yield from _of_address(snapshot, subject)
    elif not subject.namespace:
        yield subject in snapshot.namespaces
    else:
        yield from _of_service(snapshot, subject)


def _of_service(snapshot: Snapshot, key: NamespacedName) -> Iterator[object]:
    yield snapshot.services.get(key)
    yield from snapshot.slices_of(key)


def _of_address(snapshot: Snapshot, address: str) -> Iterator[object]:
    """List the Service of an address, the slices and Pods that have it, and what these name."""
    owner, slices = snapshot.service_at(address), snapshot.slices_with(address)
    yield owner
    yield from slices
    yield from snapshot.pods_with(address)
    keys = [slice_.service for slice_ in slices]
    for key in (None if owner is None else owner.metadata.key, *keys):
        if key is not None:
            yield snapshot.services.get(key)
            yield NamespacedName("", key.namespace) in snapshot.namespaces
