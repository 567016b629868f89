"""Manifests to the rules of one node, with no server and no database.

    contents, node name, configuration -> what POST /render takes -> Rendering

What a registry would add is added here as far as manifests determine it: the
slices of Services whose Pods or Endpoints are among them.  An address is not invented; a
Service without one has no rules, which is said.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from app.cli.contents import Contents
from app.cli.manifests import Unreadable
from app.domain.addresses import family_of_text
from app.domain.errors import DomainError
from app.domain.names import REVISION_ZERO
from app.domain.objects.endpoint_slice import EndpointSlice
from app.domain.objects.endpoints import Endpoints
from app.domain.objects.namespace import DEFAULT_NAMESPACE
from app.domain.objects.pod import Pod
from app.domain.objects.resource import Object
from app.domain.objects.service import HEADLESS, Service
from app.domain.registration.pod_defaults import with_pod_defaults
from app.domain.registration.service.defaults import with_service_defaults
from app.domain.registration.slices.endpoints import has_computed_endpoints
from app.domain.registration.slices.metadata import SliceNames
from app.domain.registration.slices.mirroring import mirrored, plan_mirrored, why_not_mirrored
from app.domain.registration.slices.planning import desired_in, plan
from app.domain.resources import resource_of
from app.domain.snapshot import Snapshot, load
from app.schemas.objects.codec import encode_object
from app.schemas.rules.render import Rendering, decode_rendering, read_request

_POSITION = re.compile(r"\b(services|endpointSlices|serviceCIDRs)\[(\d+)\]\.")


def rendering_of(contents: Contents, node: str, config: Mapping[str, object]) -> Rendering:
    """Make the rendering of a node; one that no manifest describes is a plain node.

    Raises Unreadable for contents of which no rules can be made.
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
    """Name the Services that would have an address of a registry and have none here."""
    return sorted(
        str(key)
        for key, service in rendering.snapshot.services.items()
        if not service.addresses and not service.is_external_name and not _is_headless(service)
    )


def _named(lists: Mapping[str, Sequence[Object]], error: DomainError) -> str:
    """Name objects instead of their positions in a request that nobody wrote."""

    def name(found: re.Match[str]) -> str:
        listed = lists[found[1]][int(found[2])]
        return f"{resource_of(listed).name} {listed.metadata.key}: "

    return _POSITION.sub(name, error.message)


def _completed(decoded: Object) -> Object:
    """Fill in what a registry would have, and the manifest leaves out."""
    metadata = decoded.metadata
    if resource_of(decoded).is_namespaced and not metadata.namespace:
        decoded = replace(decoded, metadata=replace(metadata, namespace=DEFAULT_NAMESPACE))
    match decoded:
        case Pod():
            return with_pod_defaults(decoded)
        case Service():
            return _with_families(with_service_defaults(decoded))
        case _:
            return decoded


def _with_families(service: Service) -> Service:
    addresses = service.cluster_ips or (service.cluster_ip,)
    families = tuple(family for text in addresses if (family := family_of_text(text)) is not None)
    return service if service.ip_families else replace(service, ip_families=families)


def _planned(snapshot: Snapshot) -> Iterator[EndpointSlice]:
    """Plan the slices that no manifest gives."""
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


def _is_headless(service: Service) -> bool:
    return service.cluster_ip == HEADLESS or HEADLESS in service.cluster_ips
