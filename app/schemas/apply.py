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

    api_version: str = Field(description="The API version of the kind.", examples=["v1"])
    kind: str = Field(description="The kind of the object.", examples=["Service"])
    namespace: str | None = Field(
        default=None, description="Absent for kinds without namespaces.", examples=["default"]
    )
    name: str = Field(description="The name of the object.", examples=["ent"])
    operation: Annotated[str, words(ApplyOperation, "AppliedOperation")] = Field(
        description="What became of the object."
    )
    message: str | None = Field(default=None, description="Why; absent if there is no more to say.")


class ApplyResult(Output):
    """The results of an apply, object by object, in the order of the body."""

    kind: Literal["ApplyResult"]
    resource_version: str = Field(
        description="The revision after it; nothing changed when it is the one before.",
        examples=["42"],
    )
    dry_run: bool = Field(description="Whether nothing was written, because the request asked so.")
    results: list[AppliedObject] = Field(
        description="One for each object of the body, and after them those that were pruned."
    )
