"""Every rule a Service must obey; all violations at once.

    desired, current | None -> violations
    current, desired        -> violations of a status that a load balancer reports
    desired                 -> warnings: what is valid but probably a mistake

Runs after allocation, so that addresses and node ports are present.  Source: spec
kubernetes-api 1.2 and 1.6; contract.md, "Where Waypost means to differ", for the spelling of
field paths.
"""

from collections.abc import Iterable

from app.domain.addresses import parse_address
from app.domain.errors import Violation
from app.domain.labels import expression_violations
from app.domain.names import subdomain_problems
from app.domain.objects.service import (
    AFFINITY_TIMEOUT_S_MAX,
    HEADLESS,
    TOPOLOGY_HINTS_ANNOTATION,
    TOPOLOGY_MODE_ANNOTATION,
    Scheduler,
    Service,
    ServiceType,
    SessionAffinity,
    TrafficDistribution,
)
from app.domain.registration.health.mass_failure import policy_violations
from app.domain.registration.service.ip_families import cluster_ip_violations
from app.domain.registration.service.traffic_validation import (
    ONLY_LOAD_BALANCER,
    source_range_violations,
    traffic_violations,
)
from app.domain.registration.service.transitions import class_violations, update_violations
from app.domain.registration.validation.addresses import (
    address_violations,
    is_canonical_address,
    is_canonical_prefix,
    special_address_violations,
)
from app.domain.registration.validation.metadata import label_violations
from app.domain.registration.validation.ports import port_violations
from app.domain.violations import each_invalid, forbidden, invalid, not_supported, required

_AFFINITIES = frozenset(SessionAffinity)
_IP_MODES = frozenset({"VIP", "Proxy"})  # of a load balancer's address
_SCHEDULERS = frozenset(Scheduler)


def service_violations(current: Service | None, desired: Service) -> Iterable[Violation]:
    """List every rule that a Service breaks besides those of metadata, or a change of one."""
    if current is not None:
        yield from update_violations(current, desired)
    yield from _topology_violations(desired)
    yield from policy_violations(desired.metadata.annotations)
    yield from _type_violations(desired)
    yield from port_violations(desired)
    yield from label_violations("spec.selector", desired.selector or {})
    yield from expression_violations("spec.selectorExpressions", desired.selector_expressions)
    yield from _affinity_violations(desired)
    if not desired.is_external_name:  # an alias has no addresses: refused above
        yield from cluster_ip_violations(current, desired)
    yield from _external_ip_violations(current, desired)
    yield from source_range_violations(current, desired)
    yield from _load_balancer_violations(desired)
    yield from class_violations(desired)
    yield from traffic_violations(desired)
    yield from _scheduler_violations(desired)


def status_violations(current: Service, desired: Service) -> Iterable[Violation]:
    """List every rule that a reported load-balancer status breaks."""
    field = "status.loadBalancer.ingress"
    if not current.is_load_balancer:
        if desired.ingress:
            yield forbidden(field, "may only be used when `spec.type` is 'LoadBalancer'")
        return
    accepted = {entry.ip for entry in current.ingress}
    for index, entry in enumerate(desired.ingress):
        path = f"{field}[{index}]"
        if entry.ip:
            yield from address_violations(f"{path}.ip", entry.ip, accepted=accepted)
        yield from _ip_mode_violations(path, entry.ip, entry.ip_mode)
        yield from _ingress_hostname_violations(path, entry.hostname)


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


def _topology_violations(desired: Service) -> Iterable[Violation]:
    annotations = desired.metadata.annotations
    mode = annotations.get(TOPOLOGY_MODE_ANNOTATION)
    hints = annotations.get(TOPOLOGY_HINTS_ANNOTATION)
    if mode is not None and hints is not None and mode != hints:
        field = f"metadata.annotations[{TOPOLOGY_MODE_ANNOTATION}]"
        detail = f"must match annotations[{TOPOLOGY_HINTS_ANNOTATION}] when both are specified"
        yield invalid(field, mode, detail)


def _type_violations(desired: Service) -> Iterable[Violation]:
    match desired.type:
        case ServiceType.CLUSTER_IP:
            pass
        case ServiceType.NODE_PORT | ServiceType.LOAD_BALANCER:
            if desired.cluster_ips == (HEADLESS,):
                detail = f"may not be set to 'None' for {desired.type} services"
                yield invalid("spec.clusterIPs[0]", desired.cluster_ips[0], detail)
        case ServiceType.EXTERNAL_NAME:
            yield from _external_name_violations(desired)
        case _:
            yield not_supported("spec.type", desired.type, ServiceType)


def _external_name_violations(desired: Service) -> Iterable[Violation]:
    detail = "may not be set for ExternalName services"
    unwanted = (
        ("clusterIPs", bool(desired.cluster_ips)),
        ("ipFamilies", bool(desired.ip_families)),
        ("ipFamilyPolicy", desired.ip_family_policy is not None),
    )
    for field, is_set in unwanted:
        if is_set:
            yield forbidden(f"spec.{field}", detail)
    target = desired.external_name.removesuffix(".")
    if target:
        yield from each_invalid("spec.externalName", target, subdomain_problems(target))
    else:
        yield required("spec.externalName")


def _affinity_violations(desired: Service) -> Iterable[Violation]:
    affinity, timeout_s = desired.session_affinity, desired.affinity_timeout_s
    if affinity not in _AFFINITIES:
        yield not_supported("spec.sessionAffinity", affinity, _AFFINITIES)
    elif timeout_s is not None and not 0 < timeout_s <= AFFINITY_TIMEOUT_S_MAX:
        field = "spec.sessionAffinityConfig.clientIP.timeoutSeconds"
        yield invalid(field, timeout_s, f"must be between 1 and {AFFINITY_TIMEOUT_S_MAX}")


def _external_ip_violations(current: Service | None, desired: Service) -> Iterable[Violation]:
    accepted = () if current is None else current.external_ips
    for index, text in enumerate(desired.external_ips):
        field = f"spec.externalIPs[{index}]"
        malformed = address_violations(field, text, accepted=accepted)
        yield from malformed or special_address_violations(field, text)


def _load_balancer_violations(desired: Service) -> Iterable[Violation]:
    is_balanced = desired.is_load_balancer
    if desired.allocate_load_balancer_node_ports is not None and not is_balanced:
        yield forbidden("spec.allocateLoadBalancerNodePorts", ONLY_LOAD_BALANCER)


def _scheduler_violations(desired: Service) -> Iterable[Violation]:
    if desired.scheduler is not None and desired.scheduler not in _SCHEDULERS:
        yield not_supported("spec.scheduler", desired.scheduler, _SCHEDULERS)


def _ip_mode_violations(path: str, ip: str, mode: str | None) -> Iterable[Violation]:
    field = f"{path}.ipMode"
    if mode is None:
        return  # without an address: one with an address has a mode, given or by default
    if not ip:
        yield forbidden(field, "may not be specified when `ip` is not set")
    elif mode not in _IP_MODES:
        yield not_supported(field, mode, _IP_MODES)


def _ingress_hostname_violations(path: str, hostname: str) -> Iterable[Violation]:
    if hostname:
        field = f"{path}.hostname"
        yield from each_invalid(field, hostname, subdomain_problems(hostname))
        if parse_address(hostname) is not None:
            yield invalid(field, hostname, "must be a DNS name, not an IP address")


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
