"""Every kind of object in the registry, one line each.

    object -> Resource          "Service" -> Resource

Source: contract.md, "Objects" and "Routes".
"""

from collections.abc import Mapping

from app.domain.objects.endpoint_slice import ENDPOINT_SLICE
from app.domain.objects.namespace import NAMESPACE
from app.domain.objects.node import NODE
from app.domain.objects.pod import POD
from app.domain.objects.resource import AnyResource, Object
from app.domain.objects.role import CLUSTER_ROLE, ROLE
from app.domain.objects.role_binding import CLUSTER_ROLE_BINDING, ROLE_BINDING
from app.domain.objects.service import SERVICE
from app.domain.objects.service_cidr import SERVICE_CIDR
from app.domain.objects.token import TOKEN

RESOURCES: tuple[AnyResource, ...] = (
    NAMESPACE,
    CLUSTER_ROLE,
    ROLE,
    CLUSTER_ROLE_BINDING,
    ROLE_BINDING,
    NODE,
    SERVICE_CIDR,
    SERVICE,
    POD,
    ENDPOINT_SLICE,
    TOKEN,
)
"""Every kind, in an order in which objects may be written: referenced kinds come first."""

STORED: tuple[AnyResource, ...] = tuple(each for each in RESOURCES if not each.is_derived)
"""The kinds that are stored, in the same order; the others are derived from them."""

PUBLIC: tuple[AnyResource, ...] = tuple(each for each in RESOURCES if not each.is_internal)
"""The kinds that clients list, watch and count; the others have routes of their own."""

APPLIED: tuple[AnyResource, ...] = tuple(each for each in PUBLIC if not each.is_derived)
"""The kinds that an apply writes, and a backup holds."""

WATCHED_BY_DEFAULT: frozenset[str] = frozenset(
    each.name for each in PUBLIC if each.is_watched_by_default
)
"""The kinds of a watch that names none: those of the network."""

RESOURCES_BY_KIND: Mapping[str, AnyResource] = {each.name: each for each in RESOURCES}
_RESOURCES_BY_TYPE: Mapping[type[Object], AnyResource] = {each.type: each for each in RESOURCES}


def resource_of(registered: Object) -> AnyResource:
    """Give the kind of an object."""
    return _RESOURCES_BY_TYPE[type(registered)]
