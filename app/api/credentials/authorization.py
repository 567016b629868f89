"""The `Authorization` header, and the challenge of an answer that refuses.

    header fields -> bearer token | NoCredentials | Refused | Malformed
    outcome       -> text of WWW-Authenticate

Only the header counts: a token in the query or in a form body is not looked at (RFC 6750
section 5.3).  Anything in the header that is no bearer token is a failed authentication;
Kubernetes takes some of it for no credentials, and a client that mistypes a scheme would go on
as an anonymous user there.

Source: RFC 6750 sections 2.1, 3 and 3.1; RFC 9110 sections 11.4 and 11.6.1; spec access 1.1.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from app.api.credentials.outcomes import (
    Authenticated,
    Failure,
    Malformed,
    NoCredentials,
    Outcome,
    Refused,
    TooMany,
)

Fields = Iterable[tuple[bytes, bytes]]
"""Header fields of a request; names in lower case, as ASGI has them."""

AUTHORIZATION: Final = b"authorization"
_BEARER: Final = re.compile(rb"bearer ([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)
_REALM: Final = 'Bearer realm="waypost"'


@dataclass(frozen=True, slots=True)
class Bearer:
    """A bearer token, in the alphabet of RFC 6750."""

    token: str


def bearer_of(fields: Fields) -> Bearer | NoCredentials | Refused | Malformed:
    """Read the bearer token of a request."""
    values = [value for name, value in fields if name == AUTHORIZATION]
    if not values:
        return NoCredentials()
    if len(values) > 1:
        return Malformed("the request has several Authorization header fields")
    found = _BEARER.fullmatch(values[0])
    return Refused(Failure.FORM) if found is None else Bearer(found[1].decode())


def challenge_of(outcome: Outcome) -> str | None:
    """Give the value of `WWW-Authenticate`; None where the answer has no such field.

    Without credentials it carries no error code: the client did nothing wrong yet.
    """
    match outcome:
        case NoCredentials():
            return _REALM
        case Refused():
            return f'{_REALM}, error="invalid_token"'
        case Malformed():
            return f'{_REALM}, error="invalid_request"'
        case Authenticated() | TooMany():
            return None
