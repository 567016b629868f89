"""The connection of a client that is told nothing else: environment variables.

WAYPOST_API -> URLs          WAYPOST_TOKEN, WAYPOST_TOKEN_FILE -> Credentials
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from waypost.client.http.credentials import Credentials

API_DEFAULT: Final = "http://127.0.0.1:8053"
API_VARIABLE: Final = "WAYPOST_API"
TOKEN_VARIABLE: Final = "WAYPOST_TOKEN"  # noqa: S105  the name of a variable
TOKEN_FILE_VARIABLE: Final = "WAYPOST_TOKEN_FILE"  # noqa: S105  the name of a variable


def urls_of(text: str) -> tuple[str, ...]:
    """Split the URLs of one registry's processes, which are separated by commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def urls_of_environment(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Give the URLs in ``WAYPOST_API``, or the default."""
    return urls_of(environment.get(API_VARIABLE, "")) or (API_DEFAULT,)


def credentials_of_environment(environment: Mapping[str, str] = os.environ) -> Credentials:
    """Make the credentials of the environment; raises InvalidToken."""
    file = environment.get(TOKEN_FILE_VARIABLE)
    return Credentials(environment.get(TOKEN_VARIABLE, ""), Path(file) if file else None)
