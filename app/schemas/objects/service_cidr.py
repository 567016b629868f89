"""The wire shape of a ServiceCIDR.

    ServiceCIDR <-> ServiceCIDR (domain)

Source: spec kubernetes-api 2.5 (KEP-1880).
"""

from typing import ClassVar

from pydantic import Field

from app.domain.objects import service_cidr as domain
from app.schemas.base import Input
from app.schemas.objects.metadata import Condition
from app.schemas.objects.shapes import shape_of
from app.schemas.objects.wire import Manifest, Wire


@shape_of(domain.ServiceCIDR)
class ServiceCIDRSpec(Input):
    """The ranges of a ServiceCIDR."""

    cidrs: list[str] | None = Field(
        default=None,
        description="One range, or one of each IP family.",
        examples=[["10.96.0.0/16"]],
    )
    documented_required: ClassVar = ("cidrs",)


@shape_of(domain.ServiceCIDR, always=("conditions",))
class ServiceCIDRStatus(Input):
    """Whether addresses may be allocated from the ranges: condition `Ready`."""

    conditions: list[Condition] | None = Field(
        default=None, description="Conditions, `Ready` among them."
    )


@shape_of(domain.ServiceCIDR)
class ServiceCIDR(Manifest):
    """Ranges that ClusterIPs come from."""

    spec: ServiceCIDRSpec | None = None
    status: ServiceCIDRStatus | None = None
    of_kind: ClassVar = "ServiceCIDR"
    example: ClassVar = {"metadata": {"name": "more"}, "spec": {"cidrs": ["10.112.0.0/16"]}}


WIRE = Wire(resource=domain.SERVICE_CIDR, model=ServiceCIDR)
