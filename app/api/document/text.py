"""The text of the document as it is checked in: indented, and short enough to be reviewed.

    document -> JSON, in which whatever fits stands on one line

What a server sends has no lines and no spaces.
"""

import json
from typing import Final, cast

LINE_CHARACTERS_MAX: Final = 120
_INDENT: Final = " "  # of one space: two would take 38 kB more


def document_text(document: object) -> str:
    """Write a document of JSON."""
    return f"{_text(document, '', 0)}\n"


def _text(value: object, indent: str, before: int) -> str:
    """Write a value that begins on a line after ``before`` characters."""
    line = json.dumps(value, ensure_ascii=False)
    if before + len(line) < LINE_CHARACTERS_MAX or not isinstance(value, dict | list) or not value:
        return line
    within = indent + _INDENT
    if isinstance(value, list):
        parts = [_text(each, within, len(within)) for each in cast("list[object]", value)]
        opening, closing = "[]"
    else:
        named = (
            (json.dumps(name), each) for name, each in cast("dict[str, object]", value).items()
        )
        parts = [
            f"{name}: {_text(each, within, len(within) + len(name) + 2)}" for name, each in named
        ]
        opening, closing = "{}"
    separator = f",\n{within}"
    return f"{opening}\n{within}{separator.join(parts)}\n{indent}{closing}"
