"""The wire shape of a DELETE's body.

Source: spec kubernetes-api 5.8.
"""

from collections.abc import Mapping

from pydantic import Field, ValidationError

from app.domain.errors import BadRequest
from app.schemas.base import Input, Int64
from app.schemas.paths import type_violations


class DeletePreconditions(Input):
    """What must hold for the object to be deleted."""

    uid: str | None = None
    resource_version: str | None = Field(None, examples=["42"])


class DeleteOptions(Input):
    """How an object is to go."""

    api_version: str | None = None
    kind: str | None = None
    dry_run: list[str] | None = Field(None, examples=[["All"]])
    grace_period_seconds: Int64 | None = Field(
        None, description="How long a Pod keeps terminating; its own period when absent."
    )
    orphan_dependents: bool | None = None
    preconditions: DeletePreconditions | None = None
    propagation_policy: str | None = None


def decode_delete_options(content: Mapping[str, object]) -> DeleteOptions:
    """Read the options; raises BadRequest with every value of a wrong type."""
    try:
        return DeleteOptions.model_validate(content)
    except ValidationError as error:
        causes = type_violations(error, content)
        words = ", ".join(str(cause) for cause in causes)
        raise BadRequest(f"DeleteOptions cannot be decoded: {words}", causes=causes) from None
