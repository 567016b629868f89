r"""Output: tables for people, plain columns for pipes, documents for programs.

    Sheet -> aligned columns that awk can read, coloured on a terminal
    document -> JSON or YAML
    text -> the same, with control characters as escapes such as \x1b

Colour depends only on the stream and NO_COLOR, never on a verb.  Clients that register objects
choose names, reasons and messages; these must not control the terminal of a user who lists them.
Control characters are those of ISO 6429, C0 and C1, and those that change the direction of text
(Unicode UAX 9).
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from rich.console import Console
from rich.text import Text

from app.cli.fields import Json, mapping, mappings, text

_GAP = "   "
_WITHOUT_CREDENTIALS = "set WAYPOST_TOKEN, or name a file with --token-file or WAYPOST_TOKEN_FILE"
_BOLD, _GOOD, _BAD, _ODD, _FAINT = "bold", "green", "red", "yellow", "dim"
_STYLES = {
    **dict.fromkeys(("created", "Active", "NOERROR", "ADDED", "hit", "Ready"), _GOOD),
    **dict.fromkeys(("deleted", "DELETED", "ERROR", "NXDOMAIN", "SERVFAIL", "REFUSED"), _BAD),
    **dict.fromkeys(("NotReady", "NotAnEndpoint", "Failed", "TIMEOUT"), _BAD),
    **dict.fromkeys(("configured", "MODIFIED", "NODATA", "Pending", "Terminating"), _ODD),
    **dict.fromkeys(("Drained", "<pending>"), _ODD),
    **dict.fromkeys(("unchanged", "ignored", "BOOKMARK", "next", "<none>", "<unset>"), _FAINT),
}

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


class OutputFormat(StrEnum):
    """The forms of a printed result."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"

    @property
    def is_document(self) -> bool:
        """Whether the whole document is printed, for programs."""
        return self in (OutputFormat.JSON, OutputFormat.YAML)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table: one heading per column, and rows of as many cells."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def visible(text: str) -> str:
    """Replace control characters, newlines included, by escapes."""
    return text.translate(_ESCAPES)


def escaped_json(document: str) -> str:
    """Escape control characters in JSON, without changing its values."""
    return document.translate(_OF_JSON)


def stdout() -> Console:
    """Open the standard output; text is never cut nor interpreted as markup."""
    return Console(highlight=False, markup=False, soft_wrap=True)


def stderr() -> Console:
    """Open the standard error stream."""
    return Console(highlight=False, markup=False, soft_wrap=True, stderr=True)


def style_of(word: str) -> str:
    """Give the style of a word for a good, bad or unusual state."""
    return _STYLES.get(word, "")


def say(*parts: str | tuple[str, str], console: Console | None = None) -> None:
    """Print a line of parts, each plain text or text with a style."""
    shown = [
        visible(part) if isinstance(part, str) else (visible(part[0]), part[1]) for part in parts
    ]
    (console or stdout()).print(Text.assemble(*shown))


def print_sheet(sheet: Sheet, console: Console | None = None) -> None:
    """Print a table in aligned columns, coloured where the stream is a terminal.

    Long lines are not wrapped: wrapped addresses could not be copied.
    """
    out = console or stdout()
    for place, cells in enumerate(padded(sheet)):
        styles = (_BOLD if place == 0 else style_of(cell.rstrip()) for cell in cells)
        line = Text(_GAP).join(map(Text, cells, styles))
        line.rstrip()
        out.print(line, soft_wrap=True)


def padded(sheet: Sheet) -> Sequence[tuple[str, ...]]:
    """Pad cells to the width of their columns, headings first."""
    lines = [tuple(map(visible, line)) for line in (sheet.headings, *sheet.rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(sheet.headings))]
    return [
        tuple(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines
    ]


def print_document(document: object, form: OutputFormat) -> None:
    """Print a document for programs, as YAML or JSON."""
    if form is OutputFormat.YAML:
        # Loads pydantic, which takes half a second, for this form only.
        from app.schemas.documents.yaml_output import encode_yaml  # noqa: PLC0415

        print_text(encode_yaml(document).decode())
    else:
        print_text(escaped_json(json.dumps(document, indent=2, ensure_ascii=False)))


def print_result(result: Json, form: OutputFormat, print_table: Callable[[Json], None]) -> None:
    """Print a result as a document, or for people by ``print_table``."""
    if form.is_document:
        print_document(result, form)
    else:
        print_table(result)


def print_text(plain: str) -> None:
    """Print a text unchanged, with a newline at its end."""
    out = stdout()
    out.file.write(plain if plain.endswith("\n") else f"{plain}\n")
    out.file.flush()


def print_failure(message: str, details: Iterable[str] = ()) -> None:
    """Print an error to the standard error stream."""
    err = stderr()
    say(("error: ", "bold red"), message, console=err)
    for detail in details:
        say("  ", detail, console=err)


def print_warning(message: str) -> None:
    """Print a warning to the standard error stream."""
    say(("warning: ", "yellow"), message, console=stderr())


def print_refusal(status: Json) -> None:
    """Print a Status: its message, and every cause with its field."""
    causes = [
        f"{text(cause, 'field') or '-'}: {text(cause, 'message')}"
        for cause in mappings(mapping(status, "details"), "causes")
    ]
    message = text(status, "message", default="the server refused without a word")
    reason = text(status, "reason", default="Unknown")
    if all(cause in message for cause in causes):
        # The message contains all causes: a single one may stay there, several are listed.
        message, causes = (message, []) if len(causes) <= 1 else (_before(message, causes), causes)
    hint = f": {_WITHOUT_CREDENTIALS}" if reason == "Unauthorized" else ""
    print_failure(f"{message} ({reason}){hint}", causes)


def _before(message: str, causes: Iterable[str]) -> str:
    return message[: min(map(message.index, causes))].rstrip(" :[")
