"""What the credentials of a request come to: a user, nothing, or a refusal with its word.

Every module of this room ends in one of these values; the layer before the routes turns them
into answers.  The word of a refusal goes to the log, the audit event and a metric, never into
the answer: 401 says only `Unauthorized`.

Source: spec access 1.1 and 1.9.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.access.subjects import User


class Method(StrEnum):
    """How a user was authenticated."""

    PROXY = "proxy"
    CERTIFICATE = "certificate"
    TOKEN = "token"  # noqa: S105  a word, not a token
    JWT = "jwt"
    ANONYMOUS = "anonymous"
    NONE = "none"  # the credentials are of no method


class Failure(StrEnum):
    """Why credentials are refused, in one word."""

    FORM = "form"
    CHECKSUM = "checksum"
    UNKNOWN = "unknown"
    REVOKED = "revoked"
    EXPIRED = "expired"
    NOT_YET_VALID = "notYetValid"
    SIZE = "size"
    ALGORITHM = "algorithm"
    TYPE = "type"
    CRITICAL = "critical"
    ISSUER = "issuer"
    KEY = "key"
    SIGNATURE = "signature"
    AUDIENCE = "audience"
    CLAIM = "claim"
    RULE = "rule"
    RESERVED = "reserved"  # a name under system:
    SUBJECT = "subject"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticated:
    """The credentials are good until `expires_at`; without one they have no end.

    `credential_id` says which credential it was, for audit: the id of a token, `JTI=…` or
    `X509SHA256=…`; never a secret.
    """

    user: User
    method: Method
    credential_id: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NoCredentials:
    """The request has none, and its path is not open to anonymous users."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The credentials are not good; `detail` names what is wrong, and holds no secret."""

    failure: Failure
    method: Method = Method.NONE
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Malformed:
    """The request cannot be read: it has credentials twice."""

    message: str


@dataclass(frozen=True, slots=True)
class TooMany:
    """Too many failures, or too many signatures to check; ask again later."""

    retry_after_s: int
    refused: Refused | None = None


Checked = Authenticated | Refused
Outcome = Authenticated | NoCredentials | Refused | Malformed | TooMany
