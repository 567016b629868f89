"""Warnings about a Service that is valid but probably a mistake.

    desired -> sentences for the client, each once

Source: spec kubernetes-api 1.6.
"""

from collections.abc import Iterable

from app.domain.objects.service import (
    TOPOLOGY_HINTS_ANNOTATION,
    TOPOLOGY_MODE_ANNOTATION,
    Service,
    ServiceType,
    SessionAffinity,
    TrafficDistribution,
)
from app.domain.registration.validation.addresses import (
    is_canonical_address,
    is_canonical_prefix,
)


def service_warnings(desired: Service) -> tuple[str, ...]:
    """List the warnings about a Service, in field order."""
    found = (
        *_annotation_warnings(desired),
        *_spelling_warnings(desired),
        *_headless_warnings(desired),
        *_type_warnings(desired),
        *_distribution_warnings(desired),
    )
    return tuple(dict.fromkeys(found))


def _annotation_warnings(desired: Service) -> Iterable[str]:
    if TOPOLOGY_HINTS_ANNOTATION in desired.metadata.annotations:
        yield (
            f"annotation {TOPOLOGY_HINTS_ANNOTATION} is deprecated, "
            f"please use {TOPOLOGY_MODE_ANNOTATION} instead"
        )


def _spelling_warnings(desired: Service) -> Iterable[str]:
    addresses = (("clusterIPs", desired.cluster_ips), ("externalIPs", desired.external_ips))
    for field, texts in addresses:
        for index, text in enumerate(texts):
            if not is_canonical_address(text):
                yield f'spec.{field}[{index}]: non-standard IP address "{text}" is not recommended'
    for index, text in enumerate(desired.load_balancer_source_ranges):
        if not is_canonical_prefix(text.strip()):
            yield (
                f"spec.loadBalancerSourceRanges[{index}]: "
                f'non-standard CIDR "{text.strip()}" is not recommended'
            )


def _headless_warnings(desired: Service) -> Iterable[str]:
    if not desired.is_headless:
        return
    ignored = (
        ("loadBalancerIP", bool(desired.load_balancer_ip)),
        ("externalIPs", bool(desired.external_ips)),
        ("sessionAffinity", desired.session_affinity == SessionAffinity.CLIENT_IP),
    )
    for field, is_set in ignored:
        if is_set:
            yield f"spec.{field} is ignored for headless services"


def _type_warnings(desired: Service) -> Iterable[str]:
    if desired.external_ips:
        if desired.is_external_name:
            yield 'spec.externalIPs is ignored when spec.type is "ExternalName"'
        yield "spec.externalIPs is deprecated"
    if desired.external_name and desired.type != ServiceType.EXTERNAL_NAME:
        yield 'spec.externalName is ignored when spec.type is not "ExternalName"'


def _distribution_warnings(desired: Service) -> Iterable[str]:
    if desired.traffic_distribution == TrafficDistribution.PREFER_CLOSE:
        yield "spec.trafficDistribution: PreferClose is deprecated, please use PreferSameZone"
