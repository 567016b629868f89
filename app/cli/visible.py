r"""Escaping of control characters in text from a server, before a terminal prints it.

    text -> the same, with control characters as escapes such as \x1b

Clients that register objects choose names, reasons and messages; these must not control the
terminal of a user who lists them.  Control characters are those of ISO 6429, C0 and C1, and
those that change the direction of text (Unicode UAX 9).
"""

from typing import Final

_C0: Final = range(0x20)  # JSON escapes these itself
_CONTROL: Final = {
    *_C0,
    *range(0x7F, 0xA0),
    *range(0x2028, 0x202F),
    *range(0x2066, 0x206A),
    0x061C,
    0x200E,
    0x200F,
}
_ESCAPES: Final = {code: repr(chr(code))[1:-1] for code in _CONTROL}
_OF_JSON: Final = {code: f"\\u{code:04x}" for code in _CONTROL if code not in _C0}


def visible(text: str) -> str:
    """Replace control characters, newlines included, by escapes."""
    return text.translate(_ESCAPES)


def escaped_json(document: str) -> str:
    """Escape control characters in JSON, without changing its values."""
    return document.translate(_OF_JSON)
