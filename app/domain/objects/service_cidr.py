"""A ServiceCIDR: a range that cluster addresses come from.

Values only.  Source: spec kubernetes-api 2.5 (KEP-1880).
"""

from dataclasses import dataclass

from app.domain.objects.meta import Condition
from app.domain.objects.resource import Object, Resource

FINALIZER = "networking.k8s.io/service-cidr-finalizer"
DEFAULT_NAME = "kubernetes"  # the object that mirrors the configured ranges


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCIDR(Object):
    """One or two ranges, at most one per family; the first of ``kubernetes`` is the default."""

    cidrs: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()

    @property
    def is_ready(self) -> bool:
        """Whether new addresses may be allocated from it."""
        return not self.metadata.is_terminating and not any(
            condition.status == "False"
            for condition in self.conditions
            if condition.type == "Ready"
        )


SERVICE_CIDR = Resource(
    name="ServiceCIDR",
    plural="servicecidrs",
    api_version="networking.k8s.io/v1",
    type=ServiceCIDR,
    is_namespaced=False,
    status_fields=("conditions",),
    own_finalizers=frozenset({FINALIZER}),
)
