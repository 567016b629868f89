"""Text from servers, made safe for a line of a log, a status or a terminal.

text -> one printable line of bounded length
"""

from typing import Final

CHARACTERS_MAX: Final = 80
_READ_PER_SHOWN: Final = 4  # characters read for each shown: web pages have many blanks


def shown(text: str, characters_max: int = CHARACTERS_MAX) -> str:
    """Make a server's text safe for one line of a log or a terminal."""
    printable = "".join(
        each if each.isprintable() else " " for each in text[: _READ_PER_SHOWN * characters_max]
    )
    return " ".join(printable.split())[:characters_max]
