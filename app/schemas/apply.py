"""The wire shapes of ``/apply``.

Source: contract.md, "POST /apply".
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from app.schemas.base import Output, words


class ApplyOperation(StrEnum):
    """The result for one object."""

    CREATED = "created"
    CONFIGURED = "configured"
    UNCHANGED = "unchanged"
    DELETED = "deleted"
    IGNORED = "ignored"


class AppliedObject(Output):
    """The result for one object of the body, or for a pruned one."""

    api_version: str = Field(examples=["v1"])
    kind: str = Field(examples=["Service"])
    namespace: str | None = Field(
        default=None, description="Absent for kinds without namespaces.", examples=["default"]
    )
    name: str = Field(examples=["ent"])
    operation: Annotated[str, words(ApplyOperation, "AppliedOperation")]
    message: str | None = Field(default=None, description="Why; absent if there is no more to say.")


class ApplyResult(Output):
    """The results of an apply, object by object, in the order of the body."""

    kind: Literal["ApplyResult"]
    resource_version: str = Field(
        description="The revision after it; nothing changed when it is the one before.",
        examples=["42"],
    )
    dry_run: bool
    results: list[AppliedObject]
