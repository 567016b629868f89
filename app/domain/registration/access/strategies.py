"""The rules of the kinds of access control, one line each.

    Resource -> Strategy

``app.domain.registration.strategies`` has them among those of all kinds.
"""

from typing import Any

from app.domain.objects.resource import AnyResource
from app.domain.objects.role import CLUSTER_ROLE, ROLE
from app.domain.objects.role_binding import CLUSTER_ROLE_BINDING, ROLE_BINDING
from app.domain.objects.token import TOKEN
from app.domain.registration.access import bindings, roles, tokens
from app.domain.registration.strategy import Strategy

ACCESS_RULES: dict[AnyResource, Strategy[Any]] = {
    CLUSTER_ROLE: roles.CLUSTER_ROLE_STRATEGY,
    ROLE: roles.ROLE_STRATEGY,
    CLUSTER_ROLE_BINDING: bindings.CLUSTER_ROLE_BINDING_STRATEGY,
    ROLE_BINDING: bindings.ROLE_BINDING_STRATEGY,
    TOKEN: tokens.STRATEGY,
}
