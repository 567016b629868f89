"""Text of others, made fit for a line of a log, a status or a terminal.

text -> one line, printable, of at most so many characters
"""

from typing import Final

CHARACTERS_MAX: Final = 80
_READ_PER_SHOWN: Final = 4  # blanks are many in web pages; no more than this is looked at


def shown(text: str, characters_max: int = CHARACTERS_MAX) -> str:
    """Make text of others fit for one line of a log or a terminal."""
    printable = "".join(
        each if each.isprintable() else " " for each in text[: _READ_PER_SHOWN * characters_max]
    )
    return " ".join(printable.split())[:characters_max]
