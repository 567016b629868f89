"""Rules for traffic policies, source ranges and health checks of a Service.

    desired, current | None -> violations

Source: spec kubernetes-api 1.2.
"""

from collections.abc import Iterable

from app.domain.errors import Violation
from app.domain.objects.service import (
    Service,
    TrafficDistribution,
    TrafficPolicy,
)
from app.domain.registration.validation.addresses import prefix_violations
from app.domain.registration.validation.ports import port_number_problems
from app.domain.violations import each_invalid, forbidden, invalid, not_supported

SOURCE_RANGES_ANNOTATION = "service.beta.kubernetes.io/load-balancer-source-ranges"
ONLY_LOAD_BALANCER = "may only be used when `type` is 'LoadBalancer'"

_POLICIES = frozenset(TrafficPolicy)
_DISTRIBUTIONS = frozenset(TrafficDistribution)


def traffic_violations(desired: Service) -> Iterable[Violation]:
    """List what is wrong with the policies and the health-check port."""
    external, internal = desired.external_traffic_policy, desired.internal_traffic_policy
    if not desired.is_externally_accessible:
        if external:
            detail = "may only be set for externally-accessible services"
            yield invalid("spec.externalTrafficPolicy", external, detail)
    elif external not in _POLICIES:
        yield not_supported("spec.externalTrafficPolicy", external, _POLICIES)
    yield from _health_check_violations(desired)
    if internal is not None and internal not in _POLICIES:
        yield not_supported("spec.internalTrafficPolicy", internal, _POLICIES)
    preferred = desired.traffic_distribution
    if preferred is not None and preferred not in _DISTRIBUTIONS:
        yield not_supported("spec.trafficDistribution", preferred, _DISTRIBUTIONS)


def _health_check_violations(desired: Service) -> Iterable[Violation]:
    field, number = "spec.healthCheckNodePort", desired.health_check_node_port
    if desired.needs_health_check_port:
        yield from each_invalid(field, number, port_number_problems(number))
    elif number:
        detail = (
            "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        )
        yield invalid(field, number, detail)


def source_range_violations(current: Service | None, desired: Service) -> Iterable[Violation]:
    """List what is wrong with the source ranges of clients."""
    is_balanced = desired.is_load_balancer
    annotation = desired.metadata.annotations.get(SOURCE_RANGES_ANNOTATION)
    if desired.load_balancer_source_ranges:
        field = "spec.loadBalancerSourceRanges"
        if not is_balanced:
            yield forbidden(field, ONLY_LOAD_BALANCER)
        accepted = {text.strip() for text in (current or desired).load_balancer_source_ranges}
        for index, text in enumerate(desired.load_balancer_source_ranges):
            yield from prefix_violations(
                f"{field}[{index}]",
                text.strip(),  # spaces are allowed, as in the annotation that came before
                accepted=accepted if current is not None else (),
            )
    elif annotation is not None:
        field = f"metadata.annotations[{SOURCE_RANGES_ANNOTATION}]"
        if not is_balanced:
            yield forbidden(field, ONLY_LOAD_BALANCER)
        stored = (
            None if current is None else current.metadata.annotations.get(SOURCE_RANGES_ANNOTATION)
        )
        if annotation.strip() and annotation != stored:
            for text in annotation.split(","):
                yield from prefix_violations(field, text.strip())
