"""The refusals, each with a stable reason.

    DomainError
    ├── BadRequest            the request cannot be parsed
    ├── NotFound              no such object
    ├── AlreadyExists         the name is taken
    ├── Conflict              the object has changed since the caller read it
    ├── PreconditionFailed    a condition the caller set does not hold
    ├── Exhausted             a range has no free number
    ├── Expired               the requested history has been compacted
    ├── Forbidden             the state of the registry does not allow the write
    ├── Invalid               an object breaks rules; every violation at once
    ├── NotSynced             this process has not loaded the state yet
    ├── RevisionAhead         the requested revision did not become visible in time
    └── Unconfirmed           the outcome of the write is unknown

The core raises these for refusals a caller can act on.  It does not know how
an adapter answers them: ``app.api.errors`` has their statuses, ``app.dns`` the
response codes.  Source: spec kubernetes-api 1.7.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

CAUSES_MAX = 1_000  # violations that one refusal lists


class CauseReason(StrEnum):
    """Why one field is refused (spec kubernetes-api 1.7)."""

    REQUIRED = "FieldValueRequired"
    INVALID = "FieldValueInvalid"
    NOT_SUPPORTED = "FieldValueNotSupported"
    DUPLICATE = "FieldValueDuplicate"
    FORBIDDEN = "FieldValueForbidden"
    TOO_LONG = "FieldValueTooLong"
    TOO_MANY = "FieldValueTooMany"
    NOT_FOUND = "FieldValueNotFound"
    TYPE_INVALID = "FieldValueTypeInvalid"
    NAMESPACE_TERMINATING = "NamespaceTerminating"


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule: ``field`` is the path as the client wrote it, ``spec.ports[1].name``."""

    reason: CauseReason
    field: str
    message: str

    def under(self, prefix: str) -> "Violation":
        """Prefix the path with that of an enclosing document, ``documents[3].``."""
        return Violation(self.reason, f"{prefix}{self.field}", self.message)

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


class DomainError(Exception):
    """The root of every refusal; never raised itself."""

    reason: ClassVar[str]

    def __init__(self, message: str, *, causes: Iterable[Violation] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.causes = tuple(causes)
        self.kind = ""
        self.name = ""
        self.group = ""

    def about(self, kind: str, name: str, *, group: str = "") -> "DomainError":
        """Set which object the refusal concerns; returns itself, to be raised.

        ``group`` is the API group of a ``kind`` that is a plural.
        """
        self.kind, self.name, self.group = kind, name, group
        return self


class BadRequest(DomainError):
    """The request cannot be read: bad JSON, wrong types, contradicting names, bad selectors."""

    reason = "BadRequest"


class NotFound(DomainError):
    """No object of that kind has that name."""

    reason = "NotFound"


def not_found(kind: str, name: str) -> NotFound:
    """Make the refusal for a missing object; ``kind`` is a plural."""
    refusal = NotFound(f'{kind} "{name}" not found')
    refusal.about(kind, name)
    return refusal


class AlreadyExists(DomainError):
    """Another object of the kind bears the name."""

    reason = "AlreadyExists"


class Conflict(DomainError):
    """The object is no longer at the revision or uid the caller named."""

    reason = "Conflict"


class PreconditionFailed(DomainError):
    """An entity tag the caller named does not match the current one."""

    reason = "PreconditionFailed"


class Exhausted(DomainError):
    """No free address or node port is left in any range that could serve."""

    reason = "Exhausted"


class Expired(DomainError):
    """The revision lies before the kept history; ``token`` lets a list go on all the same."""

    reason = "Expired"

    def __init__(self, message: str, *, token: str = "") -> None:
        super().__init__(message)
        self.token = token


class Forbidden(DomainError):
    """The user has no right to it, or the state forbids it, such as a Namespace being deleted."""

    reason = "Forbidden"


class Invalid(DomainError):
    """The object breaks rules; ``causes`` holds every violation, in field order.

    Beyond ``CAUSES_MAX`` they are counted, not listed.
    """

    reason = "Invalid"

    def __init__(self, kind: str, name: str, causes: Iterable[Violation]) -> None:
        every = tuple(causes)
        kept, rest = every[:CAUSES_MAX], len(every) - CAUSES_MAX
        shown = list(dict.fromkeys(str(cause) for cause in kept))
        if rest > 0:
            shown.append(f"and {rest} more")
        listed = shown[0] if len(shown) == 1 else f"[{', '.join(shown)}]"
        subject = f'{kind} "{name}"' if name else kind
        super().__init__(f"{subject} is invalid: {listed}", causes=kept)
        self.kind, self.name = kind, name


class NotSynced(DomainError):
    """The state has not been read once yet, or writing is not possible right now."""

    reason = "ServiceUnavailable"


class RevisionAhead(DomainError):
    """The caller waits for a revision this process has not seen within the bound."""

    reason = "Timeout"


class Unconfirmed(DomainError):
    """The store failed during the commit: the write may have happened, and may not."""

    reason = "Timeout"
