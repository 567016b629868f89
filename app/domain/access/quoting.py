r"""Text as Go's ``%q`` writes it, which Kubernetes' messages are made of.

    a"b -> "a\"b"          (a, b) -> ["a" "b"]

Source: Go `strconv.Quote`.
"""

from collections.abc import Iterable

_ESCAPES = {
    '"': '\\"',
    "\\": "\\\\",
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}
_ASCII_END, _BMP_END = 0x80, 0x10000


def quoted(text: str) -> str:
    """Quote a text; what cannot be printed is escaped."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + "".join(_escaped(letter) for letter in text) + '"'


def quoted_list(texts: Iterable[str]) -> str:
    """Quote each of several texts."""
    return f"[{' '.join(quoted(text) for text in texts)}]"


def _escaped(letter: str) -> str:
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    if letter.isprintable():
        return letter
    number = ord(letter)
    if number < _ASCII_END:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < _BMP_END else f"\\U{number:08x}"
