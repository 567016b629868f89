"""What is printed: tables for people, plain columns for pipes, documents for programs.

    Sheet -> aligned columns that awk can read, coloured on a terminal
    document -> JSON or YAML

Colour depends on the stream alone (and NO_COLOR), never on a verb.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from rich.console import Console
from rich.text import Text

from app.cli.fields import Json, mapping, mappings, text
from app.cli.visible import escaped_json, visible

_GAP = "   "
_BOLD, _GOOD, _BAD, _ODD, _FAINT = "bold", "green", "red", "yellow", "dim"
_STYLES = {
    **dict.fromkeys(("created", "Active", "NOERROR", "ADDED", "hit", "Ready"), _GOOD),
    **dict.fromkeys(("deleted", "DELETED", "ERROR", "NXDOMAIN", "SERVFAIL", "REFUSED"), _BAD),
    **dict.fromkeys(("NotReady", "NotAnEndpoint", "Failed", "TIMEOUT"), _BAD),
    **dict.fromkeys(("configured", "MODIFIED", "NODATA", "Pending", "Terminating"), _ODD),
    **dict.fromkeys(("Drained", "<pending>"), _ODD),
    **dict.fromkeys(("unchanged", "ignored", "BOOKMARK", "next", "<none>", "<unset>"), _FAINT),
}


class OutputFormat(StrEnum):
    """The forms in which a result is printed."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table: one heading a column, and rows of as many cells."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def stdout() -> Console:
    """Open the standard output; text is never cut, nor read as markup."""
    return Console(highlight=False, markup=False, soft_wrap=True)


def stderr() -> Console:
    """Open the standard error stream."""
    return Console(highlight=False, markup=False, soft_wrap=True, stderr=True)


def style_of(word: str) -> str:
    """Tell the colour of a word that means something good, bad or odd."""
    return _STYLES.get(word, "")


def say(*parts: str | tuple[str, str], console: Console | None = None) -> None:
    """Print a line of parts, each plain text or text with a style."""
    shown = [
        visible(part) if isinstance(part, str) else (visible(part[0]), part[1]) for part in parts
    ]
    (console or stdout()).print(Text.assemble(*shown))


def print_sheet(sheet: Sheet, console: Console | None = None) -> None:
    """Print a table in aligned columns, coloured where the stream is a terminal.

    Lines are as long as they must be: folded addresses could be neither read nor copied.
    """
    out = console or stdout()
    for place, cells in enumerate(padded(sheet)):
        styles = (_BOLD if place == 0 else style_of(cell.rstrip()) for cell in cells)
        line = Text(_GAP).join(map(Text, cells, styles))
        line.rstrip()
        out.print(line, soft_wrap=True)


def padded(sheet: Sheet) -> Sequence[tuple[str, ...]]:
    """Fill cells up to the width of their columns, headings first."""
    lines = [tuple(map(visible, line)) for line in (sheet.headings, *sheet.rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(sheet.headings))]
    return [
        tuple(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines
    ]


def print_document(document: object, form: OutputFormat) -> None:
    """Print a document for programs: YAML when asked for, else JSON."""
    if form is OutputFormat.YAML:
        # Half a second of pydantic, which only this form needs.
        from app.schemas.documents.yaml_output import encode_yaml  # noqa: PLC0415

        print_text(encode_yaml(document).decode())
    else:
        print_text(escaped_json(json.dumps(document, indent=2, ensure_ascii=False)))


def print_text(plain: str) -> None:
    """Print a text as it is, ending in one newline."""
    out = stdout()
    out.file.write(plain if plain.endswith("\n") else f"{plain}\n")
    out.file.flush()


def print_failure(message: str, details: Iterable[str] = ()) -> None:
    """Print why something did not happen, to the standard error stream."""
    err = stderr()
    say(("error: ", "bold red"), message, console=err)
    for detail in details:
        say("  ", detail, console=err)


def print_warning(message: str) -> None:
    """Print something to know that is no failure, to the standard error stream."""
    say(("warning: ", "yellow"), message, console=stderr())


def print_refusal(status: Json) -> None:
    """Print a Status: its message, and every cause with the field it is about."""
    causes = [
        f"{text(cause, 'field') or '-'}: {text(cause, 'message')}"
        for cause in mappings(mapping(status, "details"), "causes")
    ]
    message = text(status, "message", default="the server refused without a word")
    reason = text(status, "reason", default="Unknown")
    if all(cause in message for cause in causes):
        # The message says it all in one line: a lone cause is fine there, several are listed.
        message, causes = (message, []) if len(causes) <= 1 else (_before(message, causes), causes)
    print_failure(f"{message} ({reason})", causes)


def _before(message: str, causes: Iterable[str]) -> str:
    return message[: min(map(message.index, causes))].rstrip(" :[")
