"""The wire shape of a Token, which has neither its text nor its digest.

    Token -> Token (domain) -> dict

Source: access.md 1.2.
"""

from typing import ClassVar

from pydantic import Field

from app.domain.objects import token as domain
from app.schemas.base import Input, Time
from app.schemas.objects.shapes import shape_of
from app.schemas.objects.wire import Manifest, Wire


@shape_of(domain.Token, always=("groups",))
class TokenSpec(Input):
    """The user of the token, and its end; only the description can be changed."""

    user: str | None = Field(
        default=None,
        description="The user that requests with the token act for: any name, "
        "`system:serviceaccount:NAMESPACE:NAME`, or `system:node:NAME` for the agent of a node.",
        examples=["alice"],
    )
    groups: list[str] | None = Field(
        default=None,
        description="The groups of the user; those of service accounts and agents are implied.",
        examples=[["developers"]],
    )
    expires_at: Time | None = Field(
        default=None,
        description="90 days from now when absent; tokens of agents and DNS replicas then have "
        "no end.",
    )
    bound_namespace: str | None = Field(
        default=None,
        description="The token is revoked when this Namespace is deleted; always that of a "
        "service account.",
        examples=["prod"],
    )
    description: str | None = Field(
        default=None,
        description="What the token is for, for people.",
        examples=["deployments of the shop"],
    )
    documented_required: ClassVar = ("user",)


@shape_of(domain.Token)
class TokenStatus(Input):
    """The use and the end of the token."""

    last_used_at: Time | None = Field(
        default=None, description="To the minute, and up to two minutes late."
    )
    revoked_at: Time | None = Field(
        default=None, description="When the token was revoked; absent while it works."
    )
    created_by: str | None = Field(
        default=None, description="The user that created it.", examples=["system:admin"]
    )


@shape_of(domain.Token)
class Token(Manifest):
    """A token, without its text."""

    spec: TokenSpec | None = None
    status: TokenStatus | None = None
    of_kind: ClassVar = "Token"
    example: ClassVar = {
        "metadata": {},
        "spec": {"user": "alice", "description": "deployments of the shop"},
    }
    change_example: ClassVar = {"spec": {"description": "deployments of the shop and its tests"}}


WIRE = Wire(
    resource=domain.TOKEN,
    model=Token,
    stored_only={"digest": "digest"},
)
