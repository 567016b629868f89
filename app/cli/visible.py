r"""Text of others, made fit for a terminal: what would steer it is shown instead of obeyed.

    text -> the same, with control characters as escapes such as \x1b

Whoever registers an object chooses names, reasons and messages; whoever lists them must not be
at their mercy.  Control characters are those of ISO 6429, C0 and C1, and those that turn
the direction of text around (Unicode UAX 9).
"""

from typing import Final

_C0: Final = range(0x20)  # which JSON escapes by itself
_STEERING: Final = {
    *_C0,
    *range(0x7F, 0xA0),
    *range(0x2028, 0x202F),
    *range(0x2066, 0x206A),
    0x061C,
    0x200E,
    0x200F,
}
_ESCAPES: Final = {code: repr(chr(code))[1:-1] for code in _STEERING}
_OF_JSON: Final = {code: f"\\u{code:04x}" for code in _STEERING if code not in _C0}


def visible(text: str) -> str:
    """Show control characters, ends of lines among them, as escapes."""
    return text.translate(_ESCAPES)


def escaped_json(document: str) -> str:
    """Escape in JSON what a terminal would obey; it says the same as before."""
    return document.translate(_OF_JSON)
