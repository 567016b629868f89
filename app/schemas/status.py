"""The shape of every refusal: the Kubernetes Status.

    DomainError, code -> Status

Source: spec kubernetes-api 1.7; contract.md, "Errors".
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from app.domain.errors import CauseReason, DomainError, Expired, Invalid
from app.domain.objects.resource import Object
from app.domain.resources import RESOURCES_BY_KIND, resource_of
from app.schemas.base import Output, component, one_of, words

REASON = "StatusReason"
"""The name of the vocabulary of reasons, which the adapter's table of refusals makes."""

_OUTCOMES = one_of(
    "StatusOutcome", *("Failure", "Success"), description="Whether a request was carried out."
)
_HEAD: Mapping[str, object] = {"kind": "Status", "apiVersion": "v1", "metadata": {}}


class StatusCause(Output):
    """One thing that is wrong."""

    reason: Annotated[str, words(CauseReason)] = Field(
        description="Why the field is refused, in a word for programs."
    )
    message: str = Field(
        description="What is wrong, for people.", examples=["must be between 1 and 65535"]
    )
    field: str = Field(
        description="The path as the client wrote it.", examples=["spec.ports[1].port"]
    )


class StatusDetails(Output):
    """Which object a refusal concerns, and everything that is wrong with it."""

    name: str | None = Field(default=None, description="The name of the object.", examples=["ent"])
    group: str | None = Field(
        default=None, description="The API group of the kind; absent for the core group."
    )
    kind: str | None = Field(
        default=None,
        description="The kind for a refused object, else the plural word of its path.",
        examples=["Service"],
    )
    uid: str | None = Field(default=None, description="The uid of the object, if known.")
    causes: list[StatusCause] = Field(
        description="Everything that is wrong, a field each; may be empty."
    )
    retry_after_seconds: int | None = Field(
        default=None, description="When the request may be sent again."
    )


class StatusMeta(Output):
    """The token with which an expired list continues."""

    continue_: str | None = Field(
        default=None,
        description="For `continue` of the next request; absent unless a list expired.",
    )


class Status(Output):
    """The answer to a request that was refused, or to a deletion."""

    kind: Literal["Status"]
    api_version: Literal["v1"]
    metadata: StatusMeta = Field(description="How to continue an expired list; else empty.")
    status: Annotated[Literal["Failure", "Success"], _OUTCOMES] = Field(
        description="Whether the request was carried out."
    )
    code: int = Field(description="The HTTP status.", examples=[422])
    reason: Annotated[str, component(REASON, {"type": "string"})] | None = Field(
        default=None, description="Why, in a word for programs; absent for a success."
    )
    message: str | None = Field(
        default=None,
        description="What happened, for people.",
        examples=['Service "ent" is invalid: spec.ports[1].port: must be between 1 and 65535'],
    )
    details: StatusDetails | None = Field(default=None, description="The object, and all causes.")


def status_of(error: DomainError, code: int, *, retry_after_s: int = 0) -> dict[str, object]:
    """Encode a refusal; ``code`` is its HTTP status from the adapter's table."""
    status = failure(code, error.reason, error.message, details=_details(error, retry_after_s))
    if isinstance(error, Expired) and error.token:
        status["metadata"] = {"continue": error.token}
    return status


def failure(
    code: int, reason: str, message: str, *, details: dict[str, object] | None = None
) -> dict[str, object]:
    """Encode a refusal that is not a DomainError, such as an unknown path."""
    return {
        **_HEAD,
        "status": "Failure",
        "message": message,
        "reason": reason,
        "details": {"causes": []} if details is None else details,
        "code": code,
    }


def _details(error: DomainError, retry_after_s: int) -> dict[str, object]:
    details: dict[str, object] = {}
    if error.name:
        details["name"] = error.name
    if error.kind:
        kind = RESOURCES_BY_KIND.get(error.kind)
        if group := error.group or (kind.group if kind is not None else ""):
            details["group"] = group
        # Kubernetes names the kind of an invalid object, and the resource in other refusals.
        is_resource = kind is not None and not isinstance(error, Invalid)
        details["kind"] = kind.plural if kind is not None and is_resource else error.kind
    details["causes"] = [
        {"reason": cause.reason, "message": cause.message, "field": cause.field}
        for cause in error.causes
    ]
    if retry_after_s:
        details["retryAfterSeconds"] = retry_after_s
    return details


def success_of(deleted: Object) -> dict[str, object]:
    """Encode the answer to a deletion, for kinds whose deletion does not return the object."""
    kind = resource_of(deleted)
    details: dict[str, object] = {"name": deleted.metadata.name, "kind": kind.plural}
    if kind.group:
        details["group"] = kind.group
    details |= {"uid": deleted.metadata.uid, "causes": []}
    return {**_HEAD, "status": "Success", "details": details, "code": 200}
