"""GadgetCounts: how they follow from Gadgets."""

from collections.abc import Iterator

from app.domain.objects.gadget import GADGET, Gadget
from app.domain.objects.gadget_count import GADGET_COUNT, GadgetCount

from app.domain.changes import Change
from app.domain.names import NamespacedName
from app.domain.objects.meta import ObjectMeta
from app.domain.registration.derivation import Derivation
from app.domain.snapshot import Snapshot


def _keys(snapshot: Snapshot) -> set[NamespacedName]:
    return {NamespacedName("", gadget.colour) for gadget in snapshot.of(GADGET).values()}


def _derive(snapshot: Snapshot, key: NamespacedName) -> GadgetCount | None:
    counted = snapshot.members("gadget-colour", key.name)
    if not counted:
        return None
    return GadgetCount(metadata=ObjectMeta(name=key.name, generation=1), count=len(counted))


def _touched(_: Snapshot, change: Change) -> Iterator[NamespacedName]:
    for side in (change.before, change.after):
        if isinstance(side, Gadget):
            yield NamespacedName("", side.colour)


DERIVATION = Derivation(resource=GADGET_COUNT, keys=_keys, derive=_derive, touched=_touched)
