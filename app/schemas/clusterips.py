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

    first: str = Field(description="Its first address.", examples=["10.96.0.1"])
    last: str = Field(description="Its last address.", examples=["10.96.1.0"])


class ClusterIPRange(Output):
    """One range and how full it is."""

    cidr: str = Field(description="The range.", examples=["10.96.0.0/12"])
    family: Annotated[str, words(IPFamily)] = Field(description="The IP family of the range.")
    usable: Int64 = Field(description="Addresses that can be given out.", examples=[1048574])
    allocated: Int64 = Field(description="Addresses that Services hold.", examples=[12])
    free: Int64 = Field(description="Usable addresses that no Service holds.", examples=[1048562])
    static_band: StaticBand | None = Field(
        default=None, description="Absent when the range is too small to have one."
    )


class ClusterIPAllocation(Output):
    """One address in use."""

    address: str = Field(description="The address in use.", examples=["10.96.17.4"])
    service: NamespacedName = Field(description="The Service that holds the address.")
    requested: bool = Field(description="Whether the client named the address.")


class ClusterIPAllocations(Output):
    """All ranges and all allocations, by address."""

    kind: Literal["ClusterIPs"]
    resource_version: str = Field(description="The revision that is shown.", examples=["42"])
    ranges: list[ClusterIPRange] = Field(description="All ranges that ClusterIPs come from.")
    allocations: list[ClusterIPAllocation] = Field(description="All addresses that Services hold.")
