"""The errors of requests to a registry, for all clients, and how they quote a server.

    RegistryError
    ├── InvalidURL            the URL is invalid
    ├── InvalidToken          the token cannot be one
    ├── RegistryUnreachable   no answer, or the server cannot serve now
    ├── RegistryMisbehaved    the answer is not that of a registry
    └── Refused               the registry refuses, with a reason

Exceptions of httpx never leave this folder.  Source: contract.md, "Errors".
"""

from collections.abc import Mapping
from typing import Final

WORDS_CHARACTERS_MAX: Final = 1_000  # of a server's text in an error; it may be a whole page
_SHOWN_CHARACTERS_MAX: Final = 80
_READ_PER_SHOWN: Final = 4  # characters read for each shown: web pages have many blanks


class RegistryError(Exception):
    """The base class; never raised itself."""

    def __init__(self, problem: str, *, url: str = "") -> None:
        super().__init__(f"{url}: {problem}" if url else problem)
        self.problem = problem
        """The problem, as a text that follows the URL."""
        self.url = url
        """The URL of the process; empty until it is added."""


class InvalidURL(RegistryError, ValueError):
    """An invalid URL, or one that is not HTTP."""


class InvalidToken(RegistryError, ValueError):
    """A text that no bearer token can be; it is not repeated."""


class RegistryUnreachable(RegistryError):
    """There is no answer, or it is incomplete or takes too long; a retry may help."""


class RegistryMisbehaved(RegistryError):
    """The answer breaks a bound, or is not that of a registry."""


class Refused(RegistryError):
    """The registry refuses, with a Status."""

    def __init__(self, status: Mapping[str, object], *, code: int = 0) -> None:
        super().__init__(shown(_text(status, "message"), WORDS_CHARACTERS_MAX))
        self.status, self.code = status, code

    @property
    def reason(self) -> str:
        """The machine-readable reason."""
        return _text(self.status, "reason")


def shown(text: str, characters_max: int = _SHOWN_CHARACTERS_MAX) -> str:
    """Make a server's text safe for one line of a log or a terminal."""
    printable = "".join(
        each if each.isprintable() else " " for each in text[: _READ_PER_SHOWN * characters_max]
    )
    return " ".join(printable.split())[:characters_max]


def _text(status: Mapping[str, object], name: str) -> str:
    found = status.get(name)
    return found if isinstance(found, str) else ""
