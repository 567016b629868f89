"""The slices of a Service: their desired content, and the fewest writes that lead to it.

    Service, Pods, Nodes       -> Desired     (endpoints by family and ports)
    existing slices, Desired   -> SlicePlan   (create, update, delete)

``Desired`` may cover all Pods of the Service or only the few that changed; the plan
is the same, as long as the slices were right before.  Slices written by hand are
never touched.  The caller passes the seed for names and the time of the trigger.

Source: spec kubernetes-api 3.1 to 3.6.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice
from operator import attrgetter

from app.domain.copies import replace
from app.domain.names import NamespacedName
from app.domain.objects.endpoint_slice import ENDPOINTS_MAX_DEFAULT, Endpoint, EndpointSlice
from app.domain.objects.node import Node
from app.domain.objects.pod import Pod
from app.domain.objects.service import Service
from app.domain.registration.slices.endpoints import (
    EndpointIdentity,
    endpoint_of,
    families_of,
    has_computed_endpoints,
    has_named_ports,
    identity_of,
    ports_on,
    zone_of,
)
from app.domain.registration.slices.hints import balanced, cpu_shares, hinted
from app.domain.registration.slices.metadata import SliceNames, frame_of, new_names
from app.domain.registration.slices.packing import Draft, Group, group_of, pack
from app.domain.snapshot import Snapshot

_POD_NAME = attrgetter("target_ref.name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """The endpoints that the slices of one Service must contain together.

    ``pods`` names the Pods that are covered; endpoints of others stay as they are.
    None covers all.
    """

    service: Service
    endpoints: Mapping[Group, tuple[Endpoint, ...]]
    pods: frozenset[NamespacedName] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SlicePlan:
    """The writes that make slices as desired, each tuple sorted by name."""

    create: tuple[EndpointSlice, ...] = ()
    update: tuple[EndpointSlice, ...] = ()
    delete: tuple[EndpointSlice, ...] = ()


def desired_in(
    snapshot: Snapshot,
    service: Service,
    *,
    changed_pods: Collection[NamespacedName] | None = None,
) -> Desired:
    """Compute the endpoints of a Service from the snapshot after the changes.

    ``changed_pods`` names the Pods that were written or removed, or whose Node was,
    if nothing else about the Service was: then only they are evaluated.  None
    evaluates all.
    """
    if changed_pods is None or service.is_balanced:
        return desired(service, snapshot.pods_selected_by(service), nodes=snapshot.nodes)
    pods = (snapshot.pods[key] for key in changed_pods if key in snapshot.pods)
    return desired(service, pods, nodes=snapshot.nodes, only=changed_pods)


def desired(
    service: Service,
    pods: Iterable[Pod],
    *,
    nodes: Mapping[NamespacedName, Node],
    only: Collection[NamespacedName] | None = None,
) -> Desired:
    """Compute the endpoints of a Service; Pods it does not select are ignored.

    ``only`` names the Pods that the result covers, removed ones included; without it
    the result covers all Pods, and ``pods`` are all of them.
    """
    found: dict[Group, list[Endpoint]] = {}
    selected = (pod for pod in pods if _is_selected(service, pod))
    for group, endpoint in _endpoints(service, selected, nodes):
        found.setdefault(group, []).append(endpoint)
    if service.is_balanced:
        found = _balanced(found, nodes.values())
    return Desired(
        service=service,
        endpoints={group: tuple(endpoints) for group, endpoints in found.items()},
        pods=None if only is None else frozenset(only),
    )


def plan(
    existing: Iterable[EndpointSlice],
    desired: Desired,
    *,
    names: SliceNames,
    endpoints_max: int = ENDPOINTS_MAX_DEFAULT,
    triggered_at: datetime | None = None,
) -> SlicePlan:
    """Find the fewest writes after which the managed slices are as desired.

    A Service that has no selector or is an alias keeps its slices.
    """
    service = desired.service
    if not has_computed_endpoints(service):
        return SlicePlan()
    frame, key, every = frame_of(service), service.metadata.key, tuple(existing)
    drafts = _packed(_managed(every, service), desired, endpoints_max)
    drafts, emptied = _with_reused(_with_placeholders(drafts, service))
    fresh = new_names(key, names, every)
    create: list[EndpointSlice] = []
    update: list[EndpointSlice] = []
    for draft in drafts:
        current, group = draft.current, draft.group
        if current is None:
            metadata = frame.created(key, next(fresh), triggered_at)
            create.append(
                EndpointSlice(
                    metadata=metadata,
                    address_type=group.address_type,
                    ports=group.ports,
                    endpoints=tuple(draft.endpoints),
                )
            )
        elif draft.is_touched or not frame.fits(current.metadata):
            metadata = frame.updated(current.metadata, triggered_at)
            endpoints = tuple(draft.endpoints)
            update.append(
                replace(current, metadata=metadata, ports=group.ports, endpoints=endpoints)
            )
    return SlicePlan(create=_by_name(create), update=_by_name(update), delete=_by_name(emptied))


def _is_selected(service: Service, pod: Pod) -> bool:
    return pod.metadata.namespace == service.metadata.namespace and service.selects(
        pod.metadata.labels
    )


def _endpoints(
    service: Service, pods: Iterable[Pod], nodes: Mapping[NamespacedName, Node]
) -> Iterator[tuple[Group, Endpoint]]:
    families = families_of(service)
    shared: dict[str, Group] = {}  # group per family, when all Pods have the same ports
    for pod in pods:
        zone = zone_of(pod, nodes)
        for family in families:
            endpoint = endpoint_of(service, pod, family, zone=zone)
            if endpoint is None:
                continue
            group = shared.get(family)
            if group is None:
                group = Group(family, ports_on(service, pod))
                if not has_named_ports(service):
                    shared[family] = group
            yield group, endpoint if service.is_balanced else hinted(service, endpoint)


def _balanced(
    found: Mapping[Group, list[Endpoint]], nodes: Iterable[Node]
) -> dict[Group, list[Endpoint]]:
    shares = cpu_shares(nodes)
    result: dict[Group, list[Endpoint]] = {}
    for _, members in groupby(sorted(found, key=lambda g: g.order), lambda g: g.address_type):
        groups = list(members)
        hints = iter(balanced((e for group in groups for e in found[group]), shares))
        result.update({group: list(islice(hints, len(found[group]))) for group in groups})
    return result


def _managed(existing: Iterable[EndpointSlice], service: Service) -> list[EndpointSlice]:
    mine = (
        slice_
        for slice_ in existing
        if slice_.is_managed
        and slice_.service == service.metadata.key
        and not slice_.metadata.is_terminating
    )
    return sorted(mine, key=lambda slice_: slice_.metadata.name)


def _packed(slices: Iterable[EndpointSlice], desired: Desired, endpoints_max: int) -> list[Draft]:
    missing = {
        group: {identity_of(endpoint): endpoint for endpoint in endpoints}
        for group, endpoints in desired.endpoints.items()
    }
    pods = None if desired.pods is None else frozenset(key.name for key in desired.pods)
    drafts: dict[Group, list[Draft]] = {group: [] for group in missing}
    for slice_ in slices:
        group = group_of(slice_)
        draft = _kept(slice_, group, missing.get(group, {}), pods)
        # After a lowered limit or a client's write: endpoints over the limit move elsewhere.
        for endpoint in draft.endpoints[endpoints_max:]:
            missing.setdefault(group, {})[identity_of(endpoint)] = endpoint
            draft.is_touched = True
        del draft.endpoints[endpoints_max:]
        drafts.setdefault(group, []).append(draft)
    return [
        draft
        for group in sorted(drafts, key=lambda group: group.order)
        for draft in pack(
            group,
            drafts[group],
            missing.get(group, {}).values(),
            endpoints_max=endpoints_max,
        )
    ]


def _kept(
    slice_: EndpointSlice,
    group: Group,
    missing: dict[EndpointIdentity, Endpoint],
    pods: frozenset[str] | None,
) -> Draft:
    """Drop a slice's unwanted endpoints, refresh the others and take them out of ``missing``."""
    if pods is not None and not _refers_to(slice_, pods):
        return Draft(group, slice_, list(slice_.endpoints))
    draft = Draft(group, slice_)
    for endpoint in slice_.endpoints:
        reference = endpoint.target_ref
        if pods is not None and (reference is None or reference.name not in pods):
            draft.endpoints.append(endpoint)
            continue
        wanted = missing.pop(identity_of(endpoint), None)
        if wanted is not None:
            draft.endpoints.append(wanted)
        if wanted != endpoint:
            draft.is_touched = True
    return draft


def _refers_to(slice_: EndpointSlice, pods: frozenset[str]) -> bool:
    """Whether a slice may have an endpoint of these Pods; without a loop in Python, for speed."""
    try:
        return not pods.isdisjoint(map(_POD_NAME, slice_.endpoints))
    except AttributeError:  # an endpoint without a reference
        return True


def _with_placeholders(drafts: list[Draft], service: Service) -> list[Draft]:
    """Ensure that every family has a slice, even if an empty one (spec 3.5)."""
    result = list(drafts)
    for family in families_of(service):
        mine = [draft for draft in result if draft.group.address_type == family]
        if any(draft.endpoints for draft in mine):
            continue
        group = Group(family, ())
        kept = next((d for d in mine if d.group == group and not d.is_touched), None)
        if kept is None:
            kept = Draft(group, is_touched=True)
            result.append(kept)
        kept.is_placeholder = True
    return result


def _with_reused(drafts: Iterable[Draft]) -> tuple[list[Draft], list[EndpointSlice]]:
    """Reuse emptied slices for new ones of their family; return the rest for deletion."""
    kept: list[Draft] = []
    emptied: dict[str, list[EndpointSlice]] = {}
    for draft in drafts:
        if draft.endpoints or draft.is_placeholder:
            kept.append(draft)
        else:
            assert draft.current is not None, "a new slice has endpoints"
            emptied.setdefault(draft.group.address_type, []).append(draft.current)
    for slices in emptied.values():
        slices.sort(key=lambda slice_: slice_.metadata.name, reverse=True)
    for draft in kept:
        if draft.current is None and emptied.get(draft.group.address_type):
            draft.current = emptied[draft.group.address_type].pop()
    return kept, [slice_ for slices in emptied.values() for slice_ in slices]


def _by_name(slices: Iterable[EndpointSlice]) -> tuple[EndpointSlice, ...]:
    return tuple(sorted(slices, key=lambda slice_: slice_.metadata.name))
