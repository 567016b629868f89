"""The wire shape of a ServiceCIDR.

    ServiceCIDRWrite -> ServiceCIDR (domain) -> dict that ServiceCIDRRead describes

Source: spec kubernetes-api 2.5 (KEP-1880).
"""

from typing import ClassVar, Literal

from pydantic import Field

from app.domain.objects import service_cidr as domain
from app.schemas.base import Input, Output
from app.schemas.objects.metadata import (
    Condition,
    ObjectMeta,
    ObjectMetaRead,
    decode_conditions,
    decode_meta,
    encode_conditions,
    encode_meta,
)
from app.schemas.objects.wire import Wire


class ServiceCIDRSpec(Input):
    """The ranges."""

    cidrs: list[str] | None = Field(
        default=None, description="One prefix, or one a family.", examples=[["10.96.0.0/16"]]
    )
    documented_required: ClassVar = ("cidrs",)


class ServiceCIDRStatus(Input):
    """Whether new addresses may come from the ranges: condition `Ready`."""

    conditions: list[Condition] | None = None


class ServiceCIDRWrite(Input):
    """A ServiceCIDR manifest."""

    api_version: str | None = Field(default=None, examples=["networking.k8s.io/v1"])
    kind: str | None = Field(default=None, examples=["ServiceCIDR"])
    metadata: ObjectMeta | None = None
    spec: ServiceCIDRSpec | None = None
    status: ServiceCIDRStatus | None = None
    of_kind: ClassVar = "ServiceCIDR"


class ServiceCIDRRead(Output):
    """A range that cluster addresses come from."""

    api_version: Literal["networking.k8s.io/v1"]
    kind: Literal["ServiceCIDR"]
    metadata: ObjectMetaRead
    spec: ServiceCIDRSpec
    status: ServiceCIDRStatus


def decode_service_cidr(wire: ServiceCIDRWrite) -> domain.ServiceCIDR:
    """Read a ServiceCIDR."""
    return domain.ServiceCIDR(
        metadata=decode_meta(wire.metadata),
        cidrs=tuple((wire.spec.cidrs if wire.spec else None) or ()),
        conditions=decode_conditions(wire.status.conditions if wire.status else None),
    )


def encode_service_cidr(service_cidr: domain.ServiceCIDR) -> dict[str, object]:
    """Spell a ServiceCIDR."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "ServiceCIDR",
        "metadata": encode_meta(service_cidr.metadata),
        "spec": {"cidrs": list(service_cidr.cidrs)},
        "status": {"conditions": encode_conditions(service_cidr.conditions)},
    }


WIRE = Wire(
    resource=domain.SERVICE_CIDR,
    write=ServiceCIDRWrite,
    read=ServiceCIDRRead,
    decode=decode_service_cidr,
    encode=encode_service_cidr,
)
