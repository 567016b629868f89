"""The wire shapes of ``/apply`` and of heartbeats.

Source: contract.md, "POST /apply" and "Routes".
"""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from app.schemas.base import Input, Output, words


class ApplyOperation(StrEnum):
    """What became of one object."""

    CREATED = "created"
    CONFIGURED = "configured"
    UNCHANGED = "unchanged"
    DELETED = "deleted"
    IGNORED = "ignored"


class AppliedObject(Output):
    """What became of one object of the body, or of a pruned one."""

    api_version: str = Field(examples=["v1"])
    kind: str = Field(examples=["Service"])
    namespace: str = Field(description="Empty for kinds without namespaces.", examples=["default"])
    name: str = Field(examples=["ent"])
    operation: Annotated[str, words(ApplyOperation)]
    message: str = Field(description="Why, when there is something to say; else empty.")


class ApplyResult(Output):
    """What an apply did, object by object, in the order of the body."""

    kind: Literal["ApplyResult"]
    resource_version: str = Field(
        description="The revision after it; nothing changed when it is the one before.",
        examples=["42"],
    )
    dry_run: bool
    results: list[AppliedObject]


class PodKey(Input):
    """The name of a Pod."""

    namespace: str = Field(examples=["default"])
    name: str = Field(examples=["ent-1"])
    documented_required: ClassVar = ("namespace", "name")


class HeartbeatRequest(Input):
    """Pods whose leases are to be renewed."""

    pods: list[PodKey]
    documented_required: ClassVar = ("pods",)


class HeartbeatResult(Output):
    """Which leases were renewed, and which Pods are not registered."""

    renewed: list[PodKey]
    unknown: list[PodKey]
