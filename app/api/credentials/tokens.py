"""Our own bearer tokens: made with the system's randomness, checked against those stored.

    kind -> text, made once        text, stored tokens by id, now -> Authenticated | Refused

Source: spec access 1.2.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime

from app.api.credentials.outcomes import Authenticated, Checked, Failure, Method, Refused
from app.domain.access.tokens import (
    ALPHABET,
    RANDOM_CHARACTERS,
    StoredToken,
    TokenFault,
    TokenKind,
    check_token,
    make_token,
)


def mint(kind: TokenKind) -> str:
    """Make a token that nobody can guess."""
    return make_token(kind, "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_CHARACTERS)))


def authenticate_token(
    text: str, stored_by_id: Mapping[str, StoredToken], *, now: datetime
) -> Checked:
    """Tell whose token it is, if it is in force."""
    found = check_token(text, stored_by_id, now=now)
    if isinstance(found, TokenFault):
        return Refused(Failure(found.value), Method.TOKEN)
    return Authenticated(
        user=found.user,
        method=Method.TOKEN,
        credential_id=found.id,
        expires_at=found.expires_at,
    )
