"""The wire shape of a Token; its text is in one answer only, its digest in none.

    TokenWrite -> Token (domain) -> dict

Source: access.md 1.2.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from pydantic import Field

from app.domain.objects import token as domain
from app.domain.times import format_time
from app.schemas.base import Input, Time, put_not_empty
from app.schemas.objects.metadata import decode_meta
from app.schemas.objects.wire import Manifest, Wire, read_model


class TokenSpec(Input):
    """Whom the token is for, and until when; only the description can be changed."""

    user: str | None = Field(
        default=None,
        description="The user that a bearer of the token is: any name, "
        "`system:serviceaccount:NAMESPACE:NAME`, or `system:node:NAME` for the agent of a node.",
        examples=["alice"],
    )
    groups: list[str] | None = Field(
        default=None,
        description="Those of a service account and of an agent follow from the user.",
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
    description: str | None = Field(default=None, examples=["deployments of the shop"])
    documented_required: ClassVar = ("user",)


class TokenStatus(Input):
    """What became of the token."""

    last_used_at: Time | None = Field(
        default=None, description="To the minute, and up to two minutes late."
    )
    revoked_at: Time | None = None
    created_by: str | None = Field(
        default=None, description="The user that made it.", examples=["system:admin"]
    )


class TokenWrite(Manifest):
    """A Token manifest."""

    spec: TokenSpec | None = None
    status: TokenStatus | None = None
    of_kind: ClassVar = "Token"


def decode_token(wire: TokenWrite) -> domain.Token:
    """Decode a Token."""
    spec, status = wire.spec or TokenSpec(), wire.status or TokenStatus()
    return domain.Token(
        metadata=decode_meta(wire.metadata),
        user=spec.user or "",
        groups=tuple(spec.groups or ()),
        expires_at=spec.expires_at,
        bound_namespace=spec.bound_namespace or "",
        description=spec.description or "",
        created_by=status.created_by or "",
        revoked_at=status.revoked_at,
        last_used_at=status.last_used_at,
    )


def encode_token(token: domain.Token) -> dict[str, object]:
    """Encode the spec and the status of a Token."""
    spec: dict[str, object] = {"user": token.user, "groups": list(token.groups)}
    spec.update(_times({"expiresAt": token.expires_at}))
    named = {"boundNamespace": "bound_namespace", "description": "description"}
    put_not_empty(spec, token, named)
    status: dict[str, object] = {**_times({"lastUsedAt": token.last_used_at})}
    status.update(_times({"revokedAt": token.revoked_at}))
    put_not_empty(status, token, {"createdBy": "created_by"})
    return {"spec": spec, "status": status}


def _times(moments: Mapping[str, datetime | None]) -> dict[str, object]:
    return {name: format_time(at) for name, at in moments.items() if at is not None}


WIRE = Wire(
    resource=domain.TOKEN,
    write=TokenWrite,
    read=read_model(domain.TOKEN, "A token, without its text.", spec=TokenSpec, status=TokenStatus),
    decode=decode_token,
    encode=encode_token,
    stored_only={"digest": "digest"},
)
