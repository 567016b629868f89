"""The subjects that an answer depends on, so that a change invalidates only affected answers.

    name -> the subjects of its answer
    (Snapshot, Change) -> the subjects it touches

A cached answer is valid until one of its subjects is touched: that suffices, because
every lookup in the zone reads only objects of its subjects.
Source: style.md 2, decision 3.
"""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address

from app.domain.addresses import canonical
from app.domain.changes import Change
from app.domain.discovery.zone.config import ZoneConfig, is_reverse
from app.domain.discovery.zone.parse import (
    Fixed,
    NamespaceNode,
    Node,
    PodNode,
    parse,
    parse_dashed,
    parse_reverse,
)
from app.domain.names import DomainName, NamespacedName
from app.domain.objects.endpoint_slice import EndpointSlice
from app.domain.objects.namespace import Namespace
from app.domain.objects.pod import Pod
from app.domain.objects.service import Service
from app.domain.snapshot import Snapshot

Subject = NamespacedName | str
"""A Service by key, a namespace by a key without namespace, or an address."""

NOTHING: tuple[Subject, ...] = ()
"""The subjects of an answer that no change alters."""


def subjects_of(name: DomainName, config: ZoneConfig) -> tuple[Subject, ...] | None:
    """List the subjects of answers about ``name``; None when they would be too many."""
    zone = config.zone_of(name)
    if zone is None:
        return NOTHING  # no change can bring the name into our zones
    if is_reverse(zone):
        place = parse_reverse(name)
        return (str(place),) if isinstance(place, IPv4Address | IPv6Address) else None
    return _of_node(parse(name.folded[: -len(zone.labels)]))


def touched_by(change: Change, after: Snapshot) -> Iterator[Subject]:
    """List the subjects that a change touches; ``after`` is the state after it, or a later one."""
    for side in (change.before, change.after):
        match side:
            case Service():
                yield from _of_service(side, after)
            case EndpointSlice():
                yield from _of_slice(side)
            case Pod():
                yield from (canonical(ip) for ip in side.pod_ips)
            case Namespace() if change.before is None or change.after is None:
                yield NamespacedName("", side.metadata.name)
                for key in after.members("Service", side.metadata.name):
                    yield from _of_service(after.services[key], after)
            case _:
                pass


def _of_node(node: Node | None) -> tuple[Subject, ...] | None:
    match node:
        case None | Fixed.BRANCH | Fixed.VERSION:
            return NOTHING
        case Fixed.APEX | Fixed.NAMESERVER:
            return None
        case NamespaceNode():
            return (NamespacedName("", node.namespace),)
        case PodNode():
            address = parse_dashed(node.label)
            return (NamespacedName("", node.namespace), "" if address is None else str(address))
        case _:
            return (node.key, NamespacedName("", node.key.namespace))


def _of_service(service: Service, after: Snapshot) -> Iterator[Subject]:
    yield service.metadata.key
    yield from service.addresses
    for slice_ in after.slices_of(service.metadata.key):
        yield from _of_slice(slice_)


def _of_slice(slice_: EndpointSlice) -> Iterator[Subject]:
    if (key := slice_.service) is not None:
        yield key
    for endpoint in slice_.endpoints:
        yield from (canonical(address) for address in endpoint.addresses)
