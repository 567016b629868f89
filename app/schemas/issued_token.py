"""The answer to the creation of a token, the only one with its text.

    Token, text -> dict

Source: access.md 1.2.
"""

from typing import Any

from pydantic import BaseModel, Field, create_model

from app.domain.objects.token import Token
from app.schemas.objects.access.tokens import WIRE, TokenStatus
from app.schemas.objects.codec import encode_object


class IssuedTokenStatus(TokenStatus):
    """The status of a new token, with its text."""

    token: str | None = Field(
        default=None,
        description="To be sent as `Authorization: Bearer …`. The server does not keep it: store "
        "it now. Absent in a dry run.",
    )


IssuedToken: type[BaseModel] = create_model(
    "IssuedToken",
    __base__=WIRE.model,
    __doc__="A new token, with its text.",
    status=(IssuedTokenStatus, ...),
)


def encode_issued(token: Token, text: str) -> dict[str, object]:
    """Encode a new token with its text, which is empty for a dry run."""
    document: dict[str, Any] = encode_object(token)
    if text:
        document["status"] = {**document["status"], "token": text}
    return document
