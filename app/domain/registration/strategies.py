"""The rules of every kind, one line each.

    Resource -> Strategy, or Derivation

Source: style.md 2; docs/decisions/0016.
"""

from collections.abc import Mapping
from typing import Any, cast

from app.domain.objects.endpoint_slice import ENDPOINT_SLICE
from app.domain.objects.namespace import NAMESPACE
from app.domain.objects.node import NODE
from app.domain.objects.pod import POD
from app.domain.objects.resource import AnyResource, Object, Resource, T
from app.domain.objects.service import SERVICE
from app.domain.objects.service_cidr import SERVICE_CIDR
from app.domain.registration import namespaces, nodes, pods, service_cidrs
from app.domain.registration.access.strategies import ACCESS_RULES
from app.domain.registration.derivation import AnyDerivation, Derivation
from app.domain.registration.service import strategy as services
from app.domain.registration.slices import validation as slices
from app.domain.registration.strategy import Strategy
from app.domain.resources import resource_of

_RULES = dict[AnyResource, Strategy[Any] | AnyDerivation](
    {
        NAMESPACE: namespaces.STRATEGY,
        **ACCESS_RULES,
        NODE: nodes.STRATEGY,
        SERVICE_CIDR: service_cidrs.STRATEGY,
        SERVICE: services.STRATEGY,
        POD: pods.STRATEGY,
        ENDPOINT_SLICE: slices.STRATEGY,
    }
)


STRATEGIES: Mapping[AnyResource, Strategy[Any]] = {
    resource: rules for resource, rules in _RULES.items() if isinstance(rules, Strategy)
}
DERIVATIONS: tuple[AnyDerivation, ...] = tuple(
    rules for rules in _RULES.values() if isinstance(rules, Derivation)
)


def strategy_for(resource: Resource[T]) -> Strategy[T]:
    """Give the rules of a kind."""
    return cast("Strategy[T]", STRATEGIES[resource])


def strategy_of(registered: Object) -> Strategy[Any]:
    """Give the rules of an object's kind."""
    return STRATEGIES[resource_of(registered)]
