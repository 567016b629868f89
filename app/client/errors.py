"""What can go wrong with a registry, for each of its clients.

    RegistryError
    ├── InvalidURL            what is to be asked is no address
    ├── RegistryUnreachable   nothing answers, or what answers cannot serve now
    ├── RegistryMisbehaved    what answers does not speak as a registry does
    └── Refused               the registry says no, and why

Nothing of httpx comes out of this folder.  Source: contract.md, "Errors".
"""

from collections.abc import Mapping
from typing import Final

from app.client.foreign_text import shown

WORDS_CHARACTERS_MAX: Final = 1_000  # of what others say; a log line is no place for a page


class RegistryError(Exception):
    """The root; never raised itself."""

    def __init__(self, problem: str, *, url: str = "") -> None:
        super().__init__(f"{url}: {problem}" if url else problem)
        self.problem = problem
        """What is wrong, in words that go on where the URL ends."""
        self.url = url
        """Which process it is about; empty while that is still to be said."""


class InvalidURL(RegistryError, ValueError):
    """A URL that is none, or none of HTTP."""


class RegistryUnreachable(RegistryError):
    """Nothing answers, the answer breaks off or takes too long; worth trying again."""


class RegistryMisbehaved(RegistryError):
    """What answers breaks a bound, or does not speak as a registry does."""


class Refused(RegistryError):
    """The registry says no, with a Status."""

    def __init__(
        self, status: Mapping[str, object], *, code: int = 0, warnings: tuple[str, ...] = ()
    ) -> None:
        """Take the Status, the status code it came with, and what the answer warned of."""
        super().__init__(shown(_text(status, "message"), WORDS_CHARACTERS_MAX))
        self.status, self.code, self.warnings = status, code, warnings

    @property
    def reason(self) -> str:
        """The stable word for why."""
        return _text(self.status, "reason")


def _text(status: Mapping[str, object], name: str) -> str:
    found = status.get(name)
    return found if isinstance(found, str) else ""
