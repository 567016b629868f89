"""The wire shape of a DELETE's body.

Source: spec kubernetes-api 5.8.
"""

from collections.abc import Iterable, Mapping

from pydantic import Field, ValidationError

from app.domain.errors import BadRequest, Invalid, Violation
from app.domain.violations import invalid, not_supported
from app.schemas.base import Input, Int64
from app.schemas.documents.paths import type_violations

PROPAGATION_POLICIES = ("Background", "Foreground", "Orphan")


class DeletePreconditions(Input):
    """Conditions that must hold for the object to be deleted."""

    uid: str | None = None
    resource_version: str | None = Field(None, examples=["42"])


class DeleteOptions(Input):
    """Options of a deletion."""

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
    """Decode the options; raises BadRequest with every value of a wrong type, Invalid.

    Dependents are always deleted too, so that a policy is validated but has no effect.
    """
    try:
        options = DeleteOptions.model_validate(content)
    except ValidationError as error:
        causes = type_violations(error, content)
        words = ", ".join(str(cause) for cause in causes)
        raise BadRequest(f"DeleteOptions cannot be decoded: {words}", causes=causes) from None
    if violations := tuple(_violations(options)):
        raise Invalid("DeleteOptions", "", violations)
    return options


def _violations(options: DeleteOptions) -> Iterable[Violation]:
    policy = options.propagation_policy
    if policy is not None and options.orphan_dependents is not None:
        yield invalid("propagationPolicy", policy, "may not be given with orphanDependents")
    if policy is not None and policy not in PROPAGATION_POLICIES:
        yield not_supported("propagationPolicy", policy, PROPAGATION_POLICIES)
    for index, dry_run in enumerate(options.dry_run or ()):
        if dry_run != "All":
            yield not_supported(f"dryRun[{index}]", dry_run, ("All",))
