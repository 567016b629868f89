"""Distribution of endpoints over slices, with as few slices changed as possible.

    drafts of one group's slices, missing endpoints, limit -> drafts with all endpoints

A draft is a slice in progress; ``is_touched`` says whether it is written.  Names,
labels and owners are not known here.

Source: spec kubernetes-api 3.6.  Kubernetes leaves half-empty slices as they
are for ever; here the least full are merged while more than half of the room
is unused, so that a Service that shrank does not keep the slices of its peak.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from app.domain.objects.endpoint_slice import Endpoint, EndpointPort, EndpointSlice
from app.domain.registration.slices.endpoints import identity_of, port_order, sorted_ports

SPARE_SLICES = 3  # slices of a group that are not merged, beyond twice the fewest possible


class Group(NamedTuple):
    """The address type and ports that all endpoints of a slice share; ``ports`` are sorted."""

    address_type: str
    ports: tuple[EndpointPort, ...]

    @property
    def order(self) -> tuple[str, list[tuple[str, str, int, str]]]:
        """The key that groups are sorted by."""
        return (self.address_type, [port_order(port) for port in self.ports])


@dataclass(slots=True)
class Draft:
    """A slice in progress; ``current`` is None for one that does not exist yet."""

    group: Group
    current: EndpointSlice | None = None
    endpoints: list[Endpoint] = field(default_factory=list[Endpoint])
    is_touched: bool = False
    is_placeholder: bool = False

    @property
    def name(self) -> str:
        """The name of an existing slice; a new one sorts behind all names."""
        return "~" if self.current is None else self.current.metadata.name

    @property
    def has_lost_endpoints(self) -> bool:
        """Whether it holds fewer endpoints than the slice it was made from."""
        return self.current is not None and len(self.endpoints) < len(self.current.endpoints)

    def take(self, endpoints: Iterable[Endpoint]) -> None:
        """Add endpoints behind those it has."""
        self.endpoints.extend(endpoints)
        self.is_touched = True


def group_of(slice_: EndpointSlice) -> Group:
    """Give the group of a slice, independent of the order of its ports."""
    return Group(slice_.address_type, sorted_ports(slice_.ports))


def pack(
    group: Group, drafts: Iterable[Draft], missing: Iterable[Endpoint], *, endpoints_max: int
) -> list[Draft]:
    """Place the missing endpoints of one group; drafts without endpoints are to be deleted.

    Slices that are touched anyway are filled first, the fullest first; another
    one is used only if it has room for all of the rest.
    """
    every = list(drafts)
    waiting = sorted(missing, key=identity_of)
    is_member_change = bool(waiting) or any(draft.has_lost_endpoints for draft in every)
    used = [draft for draft in every if draft.endpoints]
    waiting = _fill_touched(used, waiting, endpoints_max)
    while waiting:
        batch, waiting = waiting[:endpoints_max], waiting[endpoints_max:]
        draft = _fullest_with_room(used, len(batch), endpoints_max)
        if draft is None:
            draft = Draft(group)
            used.append(draft)
            every.append(draft)
        draft.take(batch)
    if is_member_change:
        _merge(used, endpoints_max)
    return [draft for draft in every if draft.endpoints or draft.current is not None]


def _fill_touched(
    drafts: Iterable[Draft], waiting: list[Endpoint], endpoints_max: int
) -> list[Endpoint]:
    touched = (draft for draft in drafts if draft.is_touched)
    for draft in sorted(touched, key=lambda draft: (-len(draft.endpoints), draft.name)):
        room = endpoints_max - len(draft.endpoints)
        draft.take(waiting[:room])
        waiting = waiting[room:]
    return waiting


def _fullest_with_room(drafts: Iterable[Draft], count: int, endpoints_max: int) -> Draft | None:
    fitting = (draft for draft in drafts if len(draft.endpoints) + count <= endpoints_max)
    return min(fitting, key=lambda draft: (-len(draft.endpoints), draft.name), default=None)


def _merge(drafts: list[Draft], endpoints_max: int) -> None:
    """Empty the least full drafts into others until at most about half of the room is unused."""
    total = sum(len(draft.endpoints) for draft in drafts)
    fewest = -(-total // endpoints_max)
    while len(drafts) > 2 * fewest + SPARE_SLICES:
        source = min(drafts, key=lambda draft: (len(draft.endpoints), draft.name))
        drafts.remove(source)
        touched = [draft for draft in drafts if draft.is_touched]
        count = len(source.endpoints)
        target = _fullest_with_room(touched, count, endpoints_max)
        target = target or _fullest_with_room(drafts, count, endpoints_max)
        assert target is not None, "with half of the room unused, the two least full fit together"
        target.take(source.endpoints)
        source.endpoints = []
