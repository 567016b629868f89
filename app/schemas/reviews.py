"""The wire shapes of questions about identity and rights.

    body -> reviews, each with attributes and the user asked about          decisions -> answers

Source: access.md 2.11; Kubernetes ``authorization.k8s.io/v1`` and ``authentication.k8s.io/v1``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field, ValidationError

from app.domain.access.attributes import Attributes
from app.domain.access.subjects import User
from app.domain.errors import CauseReason, Invalid, Violation
from app.domain.violations import required
from app.schemas.base import Input, Output, one_of
from app.schemas.documents.paths import type_violations

REVIEWS_MAX = 100  # questions of one request
_SELF, _OTHER = "SelfSubjectAccessReview", "SubjectAccessReview"
_KINDS = one_of(
    "AccessReviewKind", _SELF, _OTHER, description="Whether the caller is meant, or any user."
)


class ResourceAttributes(Input):
    """One verb on objects; an empty `name` or `namespace` means all of them."""

    namespace: str | None = Field(default=None, description="The namespace of the objects.")
    verb: str | None = Field(
        default=None, description="What is to be done, such as `get` or `create`.", examples=["get"]
    )
    group: str | None = Field(default=None, description="The API group; the core group is empty.")
    version: str | None = Field(default=None, description="Accepted; rights do not depend on it.")
    resource: str | None = Field(
        default=None, description="The plural of the kind.", examples=["services"]
    )
    subresource: str | None = Field(
        default=None, description="A part of the object, such as `status`."
    )
    name: str | None = Field(default=None, description="The name of the object.")


class NonResourceAttributes(Input):
    """One verb, a method in lower case, on a path."""

    path: str | None = Field(
        default=None, description="The path of the request.", examples=["/metrics"]
    )
    verb: str | None = Field(
        default=None, description="The method of the request, in lower case.", examples=["get"]
    )


class AccessReviewSpec(Input):
    """What is asked; exactly one of the two kinds of attributes."""

    resource_attributes: ResourceAttributes | None = Field(
        default=None, description="A question about objects."
    )
    non_resource_attributes: NonResourceAttributes | None = Field(
        default=None, description="A question about a path."
    )
    user: str | None = Field(
        default=None, description="The user asked about; the caller when absent."
    )
    groups: list[str] | None = Field(
        default=None, description="The groups of the user asked about."
    )
    uid: str | None = Field(default=None, description="The uid of the user asked about.")


class AccessReviewStatus(Input):
    """Whether the user may do it."""

    allowed: bool | None = Field(default=None, description="Whether the user may do it.")
    reason: str | None = Field(
        default=None, description="The binding that allows it; absent when none does."
    )
    documented_required: ClassVar = ("allowed",)


class AccessReview(Input):
    """A question whether a user may do something, with its answer; or several in `reviews`."""

    api_version: str | None = Field(
        default=None,
        description="The API version of the question.",
        examples=["authorization.k8s.io/v1"],
    )
    kind: Annotated[str, _KINDS] | None = Field(
        default=None, description="Which of the two it is follows from `spec.user` when absent."
    )
    spec: AccessReviewSpec | None = Field(
        default=None, description="The question; absent when there are several."
    )
    status: AccessReviewStatus | None = Field(
        default=None, description="The answer, which a question does not have."
    )
    reviews: Annotated[list["AccessReview"], Field(max_length=REVIEWS_MAX)] | None = Field(
        default=None,
        description="Up to 100 questions in place of one; the answer has them in their order.",
    )


class UserInfo(Output):
    """A user as the server sees it."""

    username: str = Field(description="The name of the user.", examples=["alice"])
    uid: str | None = Field(
        default=None, description="The uid of the user; absent when its credentials say none."
    )
    groups: list[str] = Field(
        description="The groups of the user, those that follow from its credentials among them.",
        examples=[["system:authenticated"]],
    )
    extra: dict[str, list[str]] | None = Field(
        default=None, description="What else its credentials say."
    )


class SelfSubjectReviewStatus(Output):
    """The user."""

    user_info: UserInfo = Field(description="Who the caller is.")


class SelfSubjectReview(Output):
    """The user that the request acts for, after impersonation."""

    api_version: Literal["authentication.k8s.io/v1"]
    kind: Literal["SelfSubjectReview"]
    status: SelfSubjectReviewStatus = Field(description="The answer.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A question: ``user`` is None for the caller; ``spec`` is repeated in the answer."""

    attributes: Attributes
    user: User | None
    spec: Mapping[str, object]


def decode_reviews(content: Mapping[str, object]) -> tuple[list[Review], bool]:
    """Decode the questions of a body; says whether it is a list of them.

    Raises Invalid with every violation.
    """
    try:
        wire = AccessReview.model_validate(content)
    except ValidationError as error:
        raise Invalid(_SELF, "", type_violations(error, content)) from None
    if wire.reviews is None:
        asked, prefixes = [wire], [""]
    else:
        asked = wire.reviews
        prefixes = [f"reviews[{index}]." for index in range(len(asked))]
    violations: list[Violation] = []
    reviews: list[Review] = []
    for each, prefix in zip(asked, prefixes, strict=True):
        found = [violation.under(prefix) for violation in _violations(each)]
        violations += found
        if not found:
            reviews.append(_review(each))
    if violations:
        raise Invalid(_SELF, "", violations)
    return reviews, wire.reviews is not None


def encode_review(review: Review, *, is_allowed: bool, reason: str) -> dict[str, object]:
    """Encode a question with its answer."""
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": _SELF if review.user is None else _OTHER,
        "spec": review.spec,
        "status": {"allowed": is_allowed, **({"reason": reason} if reason else {})},
    }


def encode_user(user: User) -> dict[str, object]:
    """Encode the answer to ``/whoami``."""
    info: dict[str, object] = {"username": user.name, "groups": [*user.groups]}
    if user.uid:
        info["uid"] = user.uid
    if user.extra:
        info["extra"] = {key: [*values] for key, values in user.extra.items()}
    return {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "SelfSubjectReview",
        "status": {"userInfo": info},
    }


def _violations(wire: AccessReview) -> Iterable[Violation]:
    spec = wire.spec
    if spec is None:
        yield required("spec")
        return
    if wire.kind not in (None, "", _SELF, _OTHER):
        message = f'Unsupported value: "{wire.kind}": supported values: "{_SELF}", "{_OTHER}"'
        yield Violation(CauseReason.NOT_SUPPORTED, "kind", message)
    if wire.reviews is not None:
        yield Violation(CauseReason.FORBIDDEN, "reviews", "may not be nested")
    if (spec.resource_attributes is None) == (spec.non_resource_attributes is None):
        message = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        yield Violation(CauseReason.INVALID, "spec.resourceAttributes", message)
    if wire.kind == _OTHER and not (spec.user or spec.groups):
        yield required("spec.user")


def _review(wire: AccessReview) -> Review:
    spec = wire.spec
    assert spec is not None, "it has been validated"
    is_other = bool(spec.user or spec.groups) and wire.kind != _SELF
    return Review(
        attributes=_attributes(spec),
        user=User(name=spec.user or "", groups=(*(spec.groups or ()),), uid=spec.uid or "")
        if is_other
        else None,
        spec=spec.model_dump(by_alias=True, exclude_none=True),
    )


def _attributes(spec: AccessReviewSpec) -> Attributes:
    if (path := spec.non_resource_attributes) is not None:
        return Attributes(verb=path.verb or "", path=path.path or "/")
    asked = spec.resource_attributes
    assert asked is not None, "it has been validated"
    return Attributes(
        verb=asked.verb or "",
        api_group=asked.group or "",
        resource=asked.resource or "",
        subresource=asked.subresource or "",
        namespace=asked.namespace or "",
        name=asked.name or "",
    )
