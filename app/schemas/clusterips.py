"""The wire shapes of ``/clusterips``: ranges and allocated addresses.

Source: contract.md, "Routes"; spec kubernetes-api 2.2.
"""

from typing import Annotated, Literal

from pydantic import Field

from app.domain.addresses import IPFamily
from app.schemas.base import Int64, Output, words
from app.schemas.objects.metadata import NamespacedName


class StaticBand(Output):
    """The part of a range that automatic choices take last."""

    first: str = Field(examples=["10.96.0.1"])
    last: str = Field(examples=["10.96.1.0"])


class ClusterIPRange(Output):
    """One range and how full it is."""

    cidr: str = Field(examples=["10.96.0.0/12"])
    family: Annotated[str, words(IPFamily)]
    usable: Int64 = Field(description="Addresses that can be given out.", examples=[1048574])
    allocated: Int64 = Field(examples=[12])
    free: Int64 = Field(examples=[1048562])
    static_band: StaticBand | None = Field(
        default=None, description="Absent when the range is too small to have one."
    )


class ClusterIPAllocation(Output):
    """One address in use."""

    address: str = Field(examples=["10.96.17.4"])
    service: NamespacedName = Field(description="The Service that holds the address.")
    requested: bool = Field(description="Whether the client named the address.")


class ClusterIPAllocations(Output):
    """All ranges and all allocations, by address."""

    kind: Literal["ClusterIPs"]
    resource_version: str = Field(examples=["42"])
    ranges: list[ClusterIPRange]
    allocations: list[ClusterIPAllocation]
