"""The wire shape of a ServiceCIDR.

    ServiceCIDRWrite -> ServiceCIDR (domain) -> dict

Source: spec kubernetes-api 2.5 (KEP-1880).
"""

from typing import ClassVar

from pydantic import Field

from app.domain.objects import service_cidr as domain
from app.schemas.base import Input
from app.schemas.objects.metadata import (
    Condition,
    decode_conditions,
    decode_meta,
    encode_conditions,
)
from app.schemas.objects.wire import Manifest, Wire, read_model


class ServiceCIDRSpec(Input):
    """The ranges."""

    cidrs: list[str] | None = Field(
        default=None, description="One prefix, or one a family.", examples=[["10.96.0.0/16"]]
    )
    documented_required: ClassVar = ("cidrs",)


class ServiceCIDRStatus(Input):
    """Whether addresses may be allocated from the ranges: condition `Ready`."""

    conditions: list[Condition] | None = None


class ServiceCIDRWrite(Manifest):
    """A ServiceCIDR manifest."""

    spec: ServiceCIDRSpec | None = None
    status: ServiceCIDRStatus | None = None
    of_kind: ClassVar = "ServiceCIDR"


def decode_service_cidr(wire: ServiceCIDRWrite) -> domain.ServiceCIDR:
    """Decode a ServiceCIDR."""
    return domain.ServiceCIDR(
        metadata=decode_meta(wire.metadata),
        cidrs=tuple((wire.spec.cidrs if wire.spec else None) or ()),
        conditions=decode_conditions(wire.status.conditions if wire.status else None),
    )


def encode_service_cidr(service_cidr: domain.ServiceCIDR) -> dict[str, object]:
    """Encode the spec and status of a ServiceCIDR."""
    return {
        "spec": {"cidrs": list(service_cidr.cidrs)},
        "status": {"conditions": encode_conditions(service_cidr.conditions)},
    }


WIRE = Wire(
    resource=domain.SERVICE_CIDR,
    write=ServiceCIDRWrite,
    read=read_model(
        domain.SERVICE_CIDR,
        "A range that cluster addresses come from.",
        spec=ServiceCIDRSpec,
        status=ServiceCIDRStatus,
    ),
    decode=decode_service_cidr,
    encode=encode_service_cidr,
)
