"""The whole registered state at one revision, indexed for every question asked of it.

    Snapshot r, changes r+1 … n -> Snapshot n          objects -> Snapshot

Immutable: a reader keeps the one it took while writers make the next, and the
next costs the size of the change.  Each index is a pure function from an
object to its entries, so that applying changes and loading afresh agree by
construction.  What a name resolves to or a node is told is not decided here.

Source: style.md 2, decisions 2 and 3.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from app.domain.addresses import IPFamily, canonical, family_of, parse_address
from app.domain.changes import Change
from app.domain.names import REVISION_ZERO, NamespacedName, Revision
from app.domain.objects.endpoint_slice import EndpointSlice
from app.domain.objects.kinds import Object, kind_of
from app.domain.objects.namespace import Namespace
from app.domain.objects.node import Node
from app.domain.objects.pod import Pod
from app.domain.objects.service import Service, ServiceType
from app.domain.objects.service_cidr import ServiceCIDR
from app.domain.occupied import Occupied
from app.domain.persistent import PMap

Term = tuple[str, ...]
Members = PMap[NamespacedName, None]
_Index = PMap[Term, Members]
_V = TypeVar("_V")

_NO_MEMBERS: Final[Members] = PMap()
_ADDRESS_BITS = {IPFamily.IPV4: 32, IPFamily.IPV6: 128}
_PORT_BITS = 16


# This is asked of every Service, and naming a member of an enum is a search for it.
_TYPES_WITH_NODE_PORTS: Final = (ServiceType.NODE_PORT.value, ServiceType.LOAD_BALANCER.value)


def _metadata_terms(registered: Object) -> Iterator[Term]:
    yield (kind_of(registered).name, registered.metadata.namespace)
    if registered.metadata.is_terminating:
        yield ("terminating", kind_of(registered).name)
    for key, value in registered.metadata.labels.items():
        yield ("label", kind_of(registered).name, key, value)


def _pod_label_terms(pod: Pod) -> Iterator[Term]:
    for key, value in pod.metadata.labels.items():
        yield ("pod-label", pod.metadata.namespace, key, value)


def _pod_terms(pod: Pod) -> Iterator[Term]:
    yield from _pod_label_terms(pod)
    if pod.node_name:
        yield ("pod-node", pod.node_name)
    for ip in pod.pod_ips:
        yield ("pod-ip", canonical(ip))
    if pod.is_lapsed:
        yield ("lapsed",)


def _service_terms(service: Service) -> Iterator[Term]:
    for address in service.addresses:
        yield ("address", address)
    for address in (*service.external_ips, *(entry.ip for entry in service.ingress if entry.ip)):
        yield ("external", canonical(address))
    for number in node_ports_of(service):
        yield ("node-port", str(number))
    for number in {port.node_port for port in service.ports} - {0}:
        yield ("node-port-wish", str(number))
    if service.selector:
        # One requirement is enough to find the Service from a Pod's labels.
        yield ("anchor", service.metadata.namespace, *min(service.selector.items()))
    elif service.selector_expressions:
        yield ("anchor", service.metadata.namespace)
    yield from _service_facts(service)


def _service_facts(service: Service) -> Iterator[Term]:
    if service.is_balanced:
        yield ("balanced",)
    if service.is_guarded:
        yield ("guarded",)


def _slice_terms(slice_: EndpointSlice) -> Iterator[Term]:
    if (service := slice_.service) is not None:
        yield ("slice-service", service.namespace, service.name)
    for endpoint in slice_.endpoints:
        for address in endpoint.addresses:
            yield ("endpoint", canonical(address))


def terms_of(registered: Object) -> Iterator[Term]:
    """List every index entry under which an object is found."""
    yield from _metadata_terms(registered)
    match registered:
        case Pod():
            yield from _pod_terms(registered)
        case Service():
            yield from _service_terms(registered)
        case EndpointSlice():
            yield from _slice_terms(registered)
        case Node() | Namespace() | ServiceCIDR():
            pass


def node_ports_of(service: Service) -> tuple[int, ...]:
    """List the node ports a Service holds, its health-check port among them, sorted.

    Other types may carry numbers, an ExternalName for one, without holding them.
    """
    if service.type not in _TYPES_WITH_NODE_PORTS:
        return ()
    numbers = {port.node_port for port in service.ports} | {service.health_check_node_port}
    return tuple(sorted(numbers - {0}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """State at ``revision``.  Maps are keyed by NamespacedName; iterate them sorted."""

    revision: Revision = REVISION_ZERO
    services: PMap[NamespacedName, Service] = field(default_factory=PMap[NamespacedName, Service])
    pods: PMap[NamespacedName, Pod] = field(default_factory=PMap[NamespacedName, Pod])
    nodes: PMap[NamespacedName, Node] = field(default_factory=PMap[NamespacedName, Node])
    namespaces: PMap[NamespacedName, Namespace] = field(
        default_factory=PMap[NamespacedName, Namespace]
    )
    slices: PMap[NamespacedName, EndpointSlice] = field(
        default_factory=PMap[NamespacedName, EndpointSlice]
    )
    service_cidrs: PMap[NamespacedName, ServiceCIDR] = field(
        default_factory=PMap[NamespacedName, ServiceCIDR]
    )
    index: _Index = field(default_factory=PMap[Term, Members])
    held_addresses: Mapping[IPFamily, Occupied] = field(
        default_factory=lambda: {
            family: Occupied(width_bits=bits) for family, bits in _ADDRESS_BITS.items()
        }
    )
    held_ports: Occupied = field(default_factory=lambda: Occupied(width_bits=_PORT_BITS))

    def of_kind(self, kind: str) -> Mapping[NamespacedName, Object]:
        """Give all objects of one kind, by the kind's wire name."""
        return _MAPS[kind](self)

    def members(self, *term: str) -> Members:
        """List the keys of the objects under one index term."""
        return self.index.get(term, _NO_MEMBERS)

    def keys_in(self, kind: str, namespace: str) -> list[NamespacedName]:
        """List the sorted keys of one kind in one namespace."""
        return sorted(self.members(kind, namespace))

    def slices_of(self, service: NamespacedName) -> tuple[EndpointSlice, ...]:
        """List the slices labelled for a Service, by name; whoever wrote them."""
        keys = self.members("slice-service", service.namespace, service.name)
        return tuple([self.slices[key] for key in (sorted(keys) if len(keys) > 1 else keys)])

    def slices_with(self, address: str) -> tuple[EndpointSlice, ...]:
        """List the slices that hold an endpoint with a canonical address, by key."""
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
        """List the Pods of its namespace that a Service's selector picks, by key."""
        if not service.has_selector:
            return ()
        namespace = service.metadata.namespace
        candidates = [
            self.members("pod-label", namespace, key, value)
            for key, value in (service.selector or {}).items()
        ] or [self.members("Pod", namespace)]
        fewest = min(candidates, key=len)
        pods = (self.pods[key] for key in sorted(fewest))
        return tuple(pod for pod in pods if service.selects(pod.metadata.labels))

    def services_selecting(self, namespace: str, labels: Mapping[str, str]) -> tuple[Service, ...]:
        """List the Services of a namespace whose selector picks these labels, by key."""
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
        before, after = change.before, change.after
        old = frozenset(terms_of(before)) if before is not None else frozenset[Term]()
        new = frozenset(terms_of(after)) if after is not None else frozenset[Term]()
        index = self.index
        for term in old - new:
            index = _entry_removed(index, term, change.key)
        for term in new - old:
            index = index.set(term, index.get(term, _NO_MEMBERS).set(change.key, None))
        stepped = replace(_placed(self, change), revision=change.revision, index=index)
        return _reoccupied(stepped, old ^ new)


def load(objects: Iterable[Object], *, revision: Revision) -> Snapshot:
    """Build the snapshot of ``objects`` at once; equal to applying them one by one."""
    every = tuple(objects)
    index = _index_of(every)
    loaded = Snapshot(
        revision=revision,
        services=_of_type(every, Service),
        pods=_of_type(every, Pod),
        nodes=_of_type(every, Node),
        namespaces=_of_type(every, Namespace),
        slices=_of_type(every, EndpointSlice),
        service_cidrs=_of_type(every, ServiceCIDR),
        index=_Index.over(index),
    )
    return _reoccupied(loaded, index)


def _index_of(objects: Iterable[Object]) -> dict[Term, Members]:
    """Index at once; most terms have one member, which never needs a dict of its own.

    The terms where an object is alone share their entry: an endpoint's address costs no more.
    """
    index: dict[Term, Members] = {}
    several: dict[Term, dict[NamespacedName, None]] = {}
    for registered in objects:
        key = registered.metadata.key
        alone = _NO_MEMBERS.set(key, None)
        for term in terms_of(registered):
            if term in several:
                several[term][key] = None
            elif (only := index.get(term)) is None:
                index[term] = alone
            else:
                several[term] = {**only, key: None}
    index.update((term, Members.over(members)) for term, members in several.items())
    return index


def _reoccupied(snapshot: Snapshot, terms: Iterable[Term]) -> Snapshot:
    held, ports = dict(snapshot.held_addresses), snapshot.held_ports
    changed = False
    for term in terms:
        if term[0] not in ("address", "node-port"):
            continue
        changed, is_held = True, term in snapshot.index
        if term[0] == "node-port":
            ports = ports.hold(int(term[1])) if is_held else ports.release(int(term[1]))
        elif (address := parse_address(term[1])) is not None:
            family = family_of(address)
            held[family] = (
                held[family].hold(int(address)) if is_held else held[family].release(int(address))
            )
    return replace(snapshot, held_addresses=held, held_ports=ports) if changed else snapshot


def _entry_removed(index: _Index, term: Term, key: NamespacedName) -> _Index:
    members = index[term].remove(key)
    return index.set(term, members) if members else index.remove(term)


def _placed(snapshot: Snapshot, change: Change) -> Snapshot:
    """Put one change in its map; ``match`` tells the type checker which map holds what."""
    key, gone = change.key, change.after is None
    match change.object:
        case Service() as service:
            services = snapshot.services
            return replace(snapshot, services=_put(services, key, service, gone=gone))
        case Pod() as pod:
            return replace(snapshot, pods=_put(snapshot.pods, key, pod, gone=gone))
        case Node() as node:
            return replace(snapshot, nodes=_put(snapshot.nodes, key, node, gone=gone))
        case Namespace() as namespace:
            namespaces = snapshot.namespaces
            return replace(snapshot, namespaces=_put(namespaces, key, namespace, gone=gone))
        case EndpointSlice() as slice_:
            return replace(snapshot, slices=_put(snapshot.slices, key, slice_, gone=gone))
        case ServiceCIDR() as cidr:
            cidrs = snapshot.service_cidrs
            return replace(snapshot, service_cidrs=_put(cidrs, key, cidr, gone=gone))


def _put(
    held: PMap[NamespacedName, _V], key: NamespacedName, value: _V, *, gone: bool
) -> PMap[NamespacedName, _V]:
    return held.remove(key) if gone else held.set(key, value)


def _of_type(objects: Iterable[Object], type_: type[_V]) -> PMap[NamespacedName, _V]:
    return PMap[NamespacedName, _V].over(
        {o.metadata.key: o for o in objects if isinstance(o, type_)}
    )


_MAPS: Mapping[str, Callable[[Snapshot], Mapping[NamespacedName, Object]]] = {
    "Service": lambda snapshot: snapshot.services,
    "Pod": lambda snapshot: snapshot.pods,
    "Node": lambda snapshot: snapshot.nodes,
    "Namespace": lambda snapshot: snapshot.namespaces,
    "EndpointSlice": lambda snapshot: snapshot.slices,
    "ServiceCIDR": lambda snapshot: snapshot.service_cidrs,
}
