"""The rules of one node from manifests, without a server or a database.

    contents, node name, configuration -> request of POST /render -> Rendering

Adds what a registry would add, as far as manifests determine it: the slices of
Services whose Pods or Endpoints are among them.  Addresses are not allocated; a
Service without one has no rules, and a warning says so.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from app.cli.contents import Contents
from app.cli.failures import Unreadable
from app.domain.addresses import family_of_text
from app.domain.errors import DomainError
from app.domain.names import REVISION_ZERO
from app.domain.objects.endpoint_slice import EndpointSlice
from app.domain.objects.endpoints import Endpoints
from app.domain.objects.namespace import in_default_namespace
from app.domain.objects.resource import Object
from app.domain.objects.service import HEADLESS, Service
from app.domain.registration.slices.endpoints import has_computed_endpoints
from app.domain.registration.slices.metadata import SliceNames
from app.domain.registration.slices.mirroring import mirrored, plan_mirrored, why_not_mirrored
from app.domain.registration.slices.planning import desired_in, plan
from app.domain.registration.strategies import strategy_of
from app.domain.resources import resource_of
from app.domain.snapshot import Snapshot, load
from app.schemas.objects.codec import encode_object
from app.schemas.rules.render import Rendering, decode_rendering, read_request

_POSITION = re.compile(r"\b(services|endpointSlices|serviceCIDRs)\[(\d+)\]\.")


def rendering_of(contents: Contents, node: str, config: Mapping[str, object]) -> Rendering:
    """Make the rendering of a node; without a manifest of it, the node has only its name.

    Raises Unreadable for contents without possible rules.
    """
    snapshot = load(map(_completed, contents.objects), revision=REVISION_ZERO)
    services = list(snapshot.services.values())
    mirrored_slices = _mirrored(snapshot, contents.endpoints)
    slices = [*snapshot.slices.values(), *_planned(snapshot), *mirrored_slices]
    ranges = list(snapshot.service_cidrs.values())
    request = {
        "node": _node(snapshot, node),
        "services": [encode_object(service) for service in services],
        "endpointSlices": [encode_object(slice_) for slice_ in slices],
        "serviceCIDRs": [encode_object(served) for served in ranges],
        "config": config,
    }
    try:
        return decode_rendering(read_request(request))
    except DomainError as error:
        listed = {"services": services, "endpointSlices": slices, "serviceCIDRs": ranges}
        raise Unreadable(_named(listed, error)) from None


def without_address(rendering: Rendering) -> list[str]:
    """List the Services without the address that a registry would allocate."""
    return sorted(
        str(key)
        for key, service in rendering.snapshot().services.items()
        if not service.addresses
        and not service.is_external_name
        and HEADLESS not in (service.cluster_ip, *service.cluster_ips)
    )


def _named(lists: Mapping[str, Sequence[Object]], error: DomainError) -> str:
    """Name objects instead of their positions in a request that the user has not written."""

    def name(found: re.Match[str]) -> str:
        listed = lists[found[1]][int(found[2])]
        return f"{resource_of(listed).name} {listed.metadata.key}: "

    return _POSITION.sub(name, error.message)


def _completed(decoded: Object) -> Object:
    """Fill in what a registry would have and the manifest omits."""
    if resource_of(decoded).is_namespaced:
        decoded = in_default_namespace(decoded)
    completed: Object = strategy_of(decoded).complete(decoded)
    return _with_families(completed) if isinstance(completed, Service) else completed


def _with_families(service: Service) -> Service:
    addresses = service.cluster_ips or (service.cluster_ip,)
    families = tuple(family for text in addresses if (family := family_of_text(text)) is not None)
    return service if service.ip_families else replace(service, ip_families=families)


def _planned(snapshot: Snapshot) -> Iterator[EndpointSlice]:
    """Plan the slices of Services without slices among the manifests."""
    for key in sorted(snapshot.services):
        service = snapshot.services[key]
        if has_computed_endpoints(service) and not snapshot.slices_of(key):
            yield from plan((), desired_in(snapshot, service), names=SliceNames(seed=0)).create


def _mirrored(snapshot: Snapshot, found: Iterable[Endpoints]) -> Iterator[EndpointSlice]:
    """Plan the slices of Endpoints objects, for Services without a selector."""
    for endpoints in found:
        if not why_not_mirrored(endpoints, snapshot.services.get(endpoints.metadata.key)):
            yield from plan_mirrored((), mirrored(endpoints), names=SliceNames(seed=0)).create


def _node(snapshot: Snapshot, name: str) -> dict[str, object]:
    found = (node for key, node in snapshot.nodes.items() if key.name == name)
    node = next(found, None)
    return {"metadata": {"name": name}} if node is None else encode_object(node)
