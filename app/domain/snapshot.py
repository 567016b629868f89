"""The whole registered state at one revision, with an index for every query.

    Snapshot r, changes r+1 … n -> Snapshot n          objects -> Snapshot

Immutable: a reader keeps its snapshot while writers make the next, which costs as
much as the change.  The index terms of an object are a pure function of it, so that
applying changes and loading afresh agree by construction.  Names and kernel rules
are not known here.

Source: style.md 2, decisions 2 and 3.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from app.domain.addresses import IPFamily, family_of, parse_address
from app.domain.changes import Change
from app.domain.copies import replace
from app.domain.names import REVISION_ZERO, NamespacedName, Revision
from app.domain.objects.endpoint_slice import ENDPOINT_SLICE, EndpointSlice
from app.domain.objects.namespace import NAMESPACE, Namespace
from app.domain.objects.node import NODE, Node
from app.domain.objects.pod import POD, Pod
from app.domain.objects.resource import Object, Resource, T, Term
from app.domain.objects.service import SERVICE, Service
from app.domain.objects.service_cidr import SERVICE_CIDR, ServiceCIDR
from app.domain.occupied import Occupied
from app.domain.persistent import PMap
from app.domain.resources import RESOURCES, resource_of

Members = PMap[NamespacedName, None]
_Index = PMap[Term, Members]

_NO_MEMBERS: Final[Members] = PMap()
_NO_TERMS: Final[frozenset[Term]] = frozenset()
_ADDRESS_BITS = {IPFamily.IPV4: 32, IPFamily.IPV6: 128}
_PORT_BITS = 16
_ALLOCATED = ("address", "node-port")  # families of terms that are numbers of one holder


def terms_of(registered: Object) -> Iterator[Term]:
    """List every index entry under which an object is found."""
    meta, resource = registered.metadata, resource_of(registered)
    yield (resource.name, meta.namespace)
    if meta.is_terminating:
        yield ("terminating", resource.name)
    for key, value in meta.labels.items():
        yield ("label", resource.name, key, value)
    yield from resource.index_terms(registered)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """State at ``revision``.  Maps are keyed by NamespacedName; iterate them sorted."""

    revision: Revision = REVISION_ZERO
    objects: Mapping[str, PMap[NamespacedName, Any]] = field(
        default_factory=lambda: {each.name: PMap[NamespacedName, Any]() for each in RESOURCES}
    )
    """Objects by kind; ``of`` gives those of one kind with their type."""
    index: _Index = field(default_factory=PMap[Term, Members])
    held_addresses: Mapping[IPFamily, Occupied] = field(
        default_factory=lambda: {
            family: Occupied(width_bits=bits) for family, bits in _ADDRESS_BITS.items()
        }
    )
    held_ports: Occupied = field(default_factory=lambda: Occupied(width_bits=_PORT_BITS))

    def of(self, resource: Resource[T]) -> PMap[NamespacedName, T]:
        """Give all objects of one kind."""
        return self.objects[resource.name]

    @property
    def services(self) -> PMap[NamespacedName, Service]:
        """All Services."""
        return self.objects[SERVICE.name]

    @property
    def pods(self) -> PMap[NamespacedName, Pod]:
        """All Pods."""
        return self.objects[POD.name]

    @property
    def nodes(self) -> PMap[NamespacedName, Node]:
        """All Nodes."""
        return self.objects[NODE.name]

    @property
    def namespaces(self) -> PMap[NamespacedName, Namespace]:
        """All Namespaces."""
        return self.objects[NAMESPACE.name]

    @property
    def slices(self) -> PMap[NamespacedName, EndpointSlice]:
        """All EndpointSlices."""
        return self.objects[ENDPOINT_SLICE.name]

    @property
    def service_cidrs(self) -> PMap[NamespacedName, ServiceCIDR]:
        """All ServiceCIDRs."""
        return self.objects[SERVICE_CIDR.name]

    def members(self, *term: str) -> Members:
        """List the keys of the objects under one index term."""
        return self.index.get(term, _NO_MEMBERS)

    def keys_in(self, kind: str, namespace: str) -> list[NamespacedName]:
        """List the sorted keys of one kind in one namespace."""
        return sorted(self.members(kind, namespace))

    def slices_of(self, service: NamespacedName) -> tuple[EndpointSlice, ...]:
        """List the slices labelled for a Service, by name, those of clients included."""
        keys = self.members("slice-service", service.namespace, service.name)
        return tuple([self.slices[key] for key in (sorted(keys) if len(keys) > 1 else keys)])

    def slices_with(self, address: str) -> tuple[EndpointSlice, ...]:
        """List the slices that have an endpoint with a canonical address, by key."""
        return tuple(self.slices[key] for key in sorted(self.members("endpoint", address)))

    def service_at(self, address: str) -> Service | None:
        """Find the Service that holds a canonical cluster address."""
        return next((self.services[key] for key in self.members("address", address)), None)

    def service_on_port(self, node_port: int) -> Service | None:
        """Find the Service that holds a node port, or uses it for health checks."""
        keys = self.members("node-port", str(node_port))
        return next((self.services[key] for key in keys), None)

    def pods_on(self, node: str) -> tuple[Pod, ...]:
        """List the Pods bound to a Node, by key."""
        return tuple(self.pods[key] for key in sorted(self.members("pod-node", node)))

    def pods_with(self, ip: str) -> tuple[Pod, ...]:
        """List the Pods that have a canonical address, by key."""
        return tuple(self.pods[key] for key in sorted(self.members("pod-ip", ip)))

    def pods_selected_by(self, service: Service) -> tuple[Pod, ...]:
        """List the Pods of its namespace that a Service's selector matches, by key."""
        pods = (self.pods[key] for key in sorted(self.candidates_of(service)))
        return tuple(pod for pod in pods if service.selects(pod.metadata.labels))

    def candidates_of(self, service: Service) -> Members:
        """List the keys of the Pods that are looked at to find those that a selector matches."""
        if not service.has_selector:
            return _NO_MEMBERS
        namespace = service.metadata.namespace
        candidates = [
            self.members("pod-label", namespace, key, value)
            for key, value in (service.selector or {}).items()
        ] or [self.members("Pod", namespace)]
        return min(candidates, key=len)

    def services_selecting(self, namespace: str, labels: Mapping[str, str]) -> tuple[Service, ...]:
        """List the Services of a namespace whose selector matches these labels, by key."""
        found = set(self.members("anchor", namespace))
        for key, value in labels.items():
            found.update(self.members("anchor", namespace, key, value))
        services = (self.services[key] for key in sorted(found))
        return tuple(service for service in services if service.selects(labels))

    def apply(self, changes: Iterable[Change]) -> "Snapshot":
        """Make the snapshot after ``changes``, which follow this one in order."""
        snapshot = self
        for change in changes:
            snapshot = snapshot._stepped(change)
        return snapshot

    def rewound(self, changes: Iterable[Change], *, to: Revision) -> "Snapshot":
        """Undo ``changes``, the last ones that led to this snapshot, back to revision ``to``."""
        undone = (
            Change(revision=to, before=change.after, after=change.before)
            for change in reversed(tuple(changes))
        )
        rewound = self.apply(undone)
        return rewound if rewound.revision == to else replace(rewound, revision=to)

    def _stepped(self, change: Change) -> "Snapshot":
        before, after, key = change.before, change.after, change.key
        old = _NO_TERMS if before is None else frozenset(terms_of(before))
        new = _NO_TERMS if after is None else frozenset(terms_of(after))
        index, alone = self.index, _NO_MEMBERS.set(key, None)
        for term in old - new:
            index = _entry_removed(index, term, key)
        for term in new - old:
            members = index.get(term)
            index = index.set(term, alone if members is None else members.set(key, None))
        stepped = Snapshot(
            revision=change.revision,
            objects=_placed(self, change),
            index=index,
            held_addresses=self.held_addresses,
            held_ports=self.held_ports,
        )
        return _reoccupied(stepped, old ^ new)


def load(objects: Iterable[Object], *, revision: Revision) -> Snapshot:
    """Build the snapshot of ``objects`` at once; equal to applying them one by one."""
    every = tuple(objects)
    index = _index_of(every, terms_of)
    return _reoccupied(_holding(every, index, revision), index)


def load_for_questions(
    objects: Iterable[Object], *, terms: Callable[[Object], Iterable[Term]]
) -> Snapshot:
    """Build what is only asked, under some terms: never changed, and nothing is allocated in it."""
    every = tuple(objects)
    return _holding(every, _index_of(every, terms), REVISION_ZERO)


def _holding(objects: Iterable[Object], index: dict[Term, Members], revision: Revision) -> Snapshot:
    by_kind: dict[str, dict[NamespacedName, Object]] = {each.name: {} for each in RESOURCES}
    for registered in objects:
        by_kind[resource_of(registered).name][registered.metadata.key] = registered
    return Snapshot(
        revision=revision,
        objects={kind: PMap[NamespacedName, Any].over(held) for kind, held in by_kind.items()},
        index=_Index.over(index),
    )


def _index_of(
    objects: Iterable[Object], terms: Callable[[Object], Iterable[Term]]
) -> dict[Term, Members]:
    """Index all objects at once, without a dict for the many terms that have one member.

    The terms with an object as their only member share one mapping, to save memory.
    """
    index: dict[Term, Members] = {}
    several: dict[Term, dict[NamespacedName, None]] = {}
    for registered in objects:
        key = registered.metadata.key
        alone = _NO_MEMBERS.set(key, None)
        for term in terms(registered):
            if term in several:
                several[term][key] = None
            elif (only := index.get(term)) is None:
                index[term] = alone
            else:
                several[term] = {**only, key: None}
    index.update((term, Members.over(members)) for term, members in several.items())
    return index


def _reoccupied(snapshot: Snapshot, terms: Iterable[Term]) -> Snapshot:
    allocated = [term for term in terms if term[0] in _ALLOCATED]
    if not allocated:
        return snapshot
    held, ports = dict(snapshot.held_addresses), snapshot.held_ports
    for term in allocated:
        is_held = term in snapshot.index
        if term[0] == "node-port":
            ports = ports.hold(int(term[1])) if is_held else ports.release(int(term[1]))
        elif (address := parse_address(term[1])) is not None:
            family = family_of(address)
            held[family] = (
                held[family].hold(int(address)) if is_held else held[family].release(int(address))
            )
    return replace(snapshot, held_addresses=held, held_ports=ports)


def _entry_removed(index: _Index, term: Term, key: NamespacedName) -> _Index:
    members = index[term].remove(key)
    return index.set(term, members) if members else index.remove(term)


def _placed(snapshot: Snapshot, change: Change) -> Mapping[str, PMap[NamespacedName, Any]]:
    """Put one change in the map of its kind."""
    held = snapshot.objects[change.kind]
    after = change.after
    held = held.remove(change.key) if after is None else held.set(change.key, after)
    return {**snapshot.objects, change.kind: held}
