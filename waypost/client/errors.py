"""The errors of requests to a registry, and how they quote a server.

    WaypostError
    ├── InvalidArgument       a name, a kind, an address, … that can never be right
    ├── InvalidURL            the URL is invalid
    ├── InvalidToken          the token cannot be one
    ├── Misused               the client is closed, or belongs to another event loop
    ├── Unreachable           no answer, or an incomplete one
    ├── Misbehaved            the answer is not that of a registry
    └── Refused               the registry refuses, with a Status
        ├── NoSuchPath        it has no such path
        ├── BadRequest, Unauthorized, Forbidden, NotFound, AlreadyExists, Conflict,
        │   PreconditionFailed, Exhausted, Expired, Invalid, …    one for each reason

Exceptions of httpx never leave this package.  Source: contract.md, "Errors".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from waypost.client.shapes import mapping, text

WORDS_CHARACTERS_MAX: Final = 1_000  # of a server's text in an error; it may be a whole page
CAUSES_MAX: Final = 10_000  # of a refusal that are read
RETRY_AFTER_S_MAX: Final = 3_600.0  # longer waits that a server asks for are ignored as invalid
_SHOWN_CHARACTERS_MAX: Final = 80
_READ_PER_SHOWN: Final = 4  # characters read for each shown: web pages have many blanks


class WaypostError(Exception):
    """The base class; never raised itself."""

    def __init__(self, problem: str, *, url: str = "") -> None:
        super().__init__(f"{url}: {problem}" if url else problem)
        self.problem = problem
        """The problem, as a text that follows the URL."""
        self.url = url
        """The URL of the process that was asked; empty when none was."""

    def at(self, url: str, problem: str) -> "WaypostError":
        """Make the same error of the process at ``url``."""
        return type(self)(problem, url=url)


class InvalidArgument(WaypostError, ValueError):
    """An argument that can never be right; nothing was sent."""


class InvalidURL(WaypostError, ValueError):
    """An invalid URL, or one that is not HTTP."""


class InvalidToken(WaypostError, ValueError):
    """A text that no bearer token can be; it is not repeated."""


class Misused(WaypostError, RuntimeError):
    """The client is used when, or where, it cannot be; nothing was sent."""


class Unreachable(WaypostError):
    """There is no answer, or it is incomplete or takes too long; a retry may help."""

    def __init__(self, problem: str, *, url: str = "", was_sent: bool = True) -> None:
        super().__init__(problem, url=url)
        self.was_sent = was_sent
        """Whether something may have been sent, so that the request may have had its effect."""

    def at(self, url: str, problem: str) -> "Unreachable":
        """Make the same error of the process at ``url``."""
        return Unreachable(problem, url=url, was_sent=self.was_sent)


class Misbehaved(WaypostError):
    """The answer breaks a bound, or is not that of a registry."""

    def __init__(self, problem: str, *, url: str = "", code: int = 0) -> None:
        super().__init__(problem, url=url)
        self.code = code
        """The HTTP status, when it is all that is wrong; else 0."""

    def at(self, url: str, problem: str) -> "Misbehaved":
        """Make the same error of the process at ``url``."""
        return Misbehaved(problem, url=url, code=self.code)


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that is wrong with a request."""

    field: str
    """The path as the client wrote it, ``spec.ports[1].name``; empty for none."""
    reason: str
    message: str


class Refused(WaypostError):
    """The registry refuses, with a Status; a subclass is named as its reason."""

    def __init__(
        self, status: Mapping[str, object], *, code: int = 0, retry_after_s: float = 0
    ) -> None:
        """Take the Status; use ``refusal_of`` to make an error of its own class."""
        super().__init__(shown(text(status, "message"), WORDS_CHARACTERS_MAX))
        self.status, self.code = status, code
        self.retry_after_s = retry_after_s
        """Seconds that the registry asks to wait before a retry; 0 when it asks for none."""

    @property
    def reason(self) -> str:
        """The machine-readable reason."""
        return text(self.status, "reason")

    @property
    def causes(self) -> tuple[Cause, ...]:
        """Everything that is wrong, each with its field; empty for most refusals."""
        listed = mapping(self.status.get("details")).get("causes")
        found = cast("Sequence[object]", listed) if isinstance(listed, list) else ()
        return tuple(
            Cause(text(each, "field"), text(each, "reason"), text(each, "message"))
            for each in found[:CAUSES_MAX]
        )


class BadRequest(Refused):
    """The request cannot be read."""


class Unauthorized(Refused):
    """The request has no credentials, or none that are valid."""

    hint: str = ""
    """What may be wrong with the token; empty when there is nothing to say."""

    def __str__(self) -> str:
        return f"{super().__str__()}: {self.hint}" if self.hint else super().__str__()


class Forbidden(Refused):
    """The user has no right to it, or the state of the registry forbids it."""


class NotFound(Refused):
    """No object of that kind has that name."""


class AlreadyExists(Refused):
    """Another object of the kind has the name."""


class Conflict(Refused):
    """The object has changed since it was read."""


class PreconditionFailed(Refused):
    """The object is not the one of the entity tag that was sent."""


class Exhausted(Refused):
    """No free address or node port is left."""


class Expired(Refused):
    """The revision is older than the history that the registry keeps."""


class UnsupportedMediaType(Refused):
    """The content type of the body is none that the registry reads."""


class RequestEntityTooLarge(Refused):
    """The body exceeds the registry's bound."""


class Invalid(Refused):
    """The object breaks rules; ``causes`` has every violation."""


class TooManyRequests(Refused):
    """The registry is overloaded; nothing was done."""


class InternalError(Refused):
    """The registry failed."""


class ServiceUnavailable(Refused):
    """The process cannot serve this now; nothing was done."""


class Timeout(Refused):
    """The outcome of a write is unknown, or a revision was not reached in time."""


REFUSALS: Final[Mapping[str, type[Refused]]] = {
    each.__name__: each for each in Refused.__subclasses__()
}
"""The class for each reason of a Status."""


class NoSuchPath(Refused):
    """The registry has no such path: the path of the URL is wrong, or the registry is older.

    Its reason is that of NotFound, but no object is said to be missing.
    """


def refusal_of(status: Mapping[str, object], *, code: int = 0, retry_after_s: float = 0) -> Refused:
    """Make the error of a Status, of the class of its reason.

    The wait that the registry asks for is ``retry_after_s``, or that of the Status.
    """
    details = mapping(status.get("details"))
    stated = details.get("retryAfterSeconds")
    if not retry_after_s and isinstance(stated, int):
        retry_after_s = stated
    if not 0 <= retry_after_s <= RETRY_AFTER_S_MAX:
        retry_after_s = 0
    kind = REFUSALS.get(text(status, "reason"), Refused)
    if kind is NotFound and not text(details, "name"):
        kind = NoSuchPath
    return kind(status, code=code, retry_after_s=retry_after_s)


def shown(words: str, characters_max: int = _SHOWN_CHARACTERS_MAX) -> str:
    """Make a server's text safe for one line of a log or a terminal."""
    printable = "".join(
        each if each.isprintable() else " " for each in words[: _READ_PER_SHOWN * characters_max]
    )
    return " ".join(printable.split())[:characters_max]
