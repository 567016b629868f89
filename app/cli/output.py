r"""Output: tables for people, plain columns for pipes, documents for programs.

    Sheet -> aligned columns that awk can read, coloured on a terminal
    document -> JSON or YAML
    text -> the same, with control characters as escapes such as \x1b

Colour depends only on the stream, NO_COLOR, FORCE_COLOR and TERM, never on a verb.  Clients that
register objects choose names, reasons and messages; these must not control the terminal of a user
who lists them.
Control characters are those of ISO 6429, C0 and C1, and those that change the direction of text
(Unicode UAX 9).
"""

import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import click

from app.cli.fields import Json, mapping, mappings, text
from waypost.client.errors import Refused

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


def style_of(word: str) -> str:
    """Give the style of a word for a good, bad or unusual state."""
    return _STYLES.get(word, "")


def say(*parts: str | tuple[str, str], to_stderr: bool = False) -> None:
    """Print a line of parts, each plain text or text with a style."""
    shown = (part if isinstance(part, str) else part[0] for part in parts)
    styles = ("" if isinstance(part, str) else part[1] for part in parts)
    _print("".join(map(styled, map(visible, shown), styles)), to_stderr=to_stderr)


def print_sheet(sheet: Sheet, *, with_headings: bool = True) -> None:
    """Print a table in aligned columns, coloured where the stream is a terminal.

    Long lines are not wrapped: wrapped addresses could not be copied.
    """
    print_lines(padded(sheet, with_headings=with_headings), with_headings=with_headings)


def print_lines(lines: Sequence[Sequence[str]], *, with_headings: bool) -> None:
    """Print the padded lines of a table; the first may have headings."""
    printed: list[str] = []
    for place, cells in enumerate(lines):
        is_heading = with_headings and place == 0
        styles = (_BOLD if is_heading else style_of(cell.rstrip()) for cell in cells)
        printed.append(_GAP.join(map(styled, cells, styles)).rstrip())
    if printed:
        _print("\n".join(printed))


def styled(shown: str, style: str) -> str:
    """Add the codes of a style, such as ``bold red``, to a text; not to blanks at its end."""
    plain = shown.rstrip()
    words = style.split()
    if not words or not plain:
        return shown
    colours = [word for word in words if word not in (_BOLD, _FAINT)]
    foreground = colours[0] if colours else None
    codes = click.style(
        plain, fg=foreground, bold=_BOLD in words or None, dim=_FAINT in words or None
    )
    return codes + shown[len(plain) :]


def _print(line: str, *, to_stderr: bool = False) -> None:
    """Print lines, without colours unless the stream is a terminal."""
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    forced = bool(os.environ.get("FORCE_COLOR"))
    click.echo(line, err=to_stderr, color=False if plain else True if forced else None)


def padded(
    sheet: Sheet, *, with_headings: bool = True, widths_min: Sequence[int] = ()
) -> Sequence[tuple[str, ...]]:
    """Pad cells to the width of their columns, headings first."""
    shown = (sheet.headings, *sheet.rows) if with_headings else sheet.rows
    lines = [tuple(map(visible, line)) for line in shown]
    least = widths_min or (0,) * len(sheet.headings)
    widths = [
        max(at_least, *(len(line[place]) for line in lines), 0)
        for place, at_least in enumerate(least)
    ]
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
    sys.stdout.write(plain if plain.endswith("\n") else f"{plain}\n")
    sys.stdout.flush()


def print_failure(message: str, details: Iterable[str] = ()) -> None:
    """Print an error to the standard error stream."""
    say(("error: ", "bold red"), message, to_stderr=True)
    for detail in details:
        say("  ", detail, to_stderr=True)


def print_warning(message: str) -> None:
    """Print a warning to the standard error stream."""
    say(("warning: ", "yellow"), message, to_stderr=True)


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


def print_refusals(refusals: Sequence[Refused]) -> bool:
    """Print errors of several objects; returns whether there is one."""
    for refusal in refusals:
        print_refusal(refusal.status)
    return bool(refusals)


def _before(message: str, causes: Iterable[str]) -> str:
    return message[: min(map(message.index, causes))].rstrip(" :[")
