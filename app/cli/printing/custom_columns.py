"""Tables whose columns the user names: ``-o custom-columns=NAME:.metadata.name,...``.

    template, objects -> Sheet

A column without a value is ``<none>``; several values are separated by commas.
Source: kubectl `pkg/cmd/get/customcolumn.go`.
"""

from collections.abc import Iterable
from typing import Final

import click

from app.cli.fields import Json
from app.cli.jsonpath.evaluation import values_of
from app.cli.jsonpath.nodes import JSONPathError, Template
from app.cli.jsonpath.parsing import parse_path
from app.cli.jsonpath.text import go_text
from app.cli.output import Sheet
from app.cli.printing.forms import Form

NONE: Final = "<none>"
COLUMNS_MAX: Final = 100

_Columns = tuple[tuple[str, Template], ...]


def custom_sheet(form: Form, objects: Iterable[Json]) -> Sheet:
    """Tabulate objects; raises BadParameter for an invalid template."""
    columns = _in_file(form.template) if form.is_file else _in_option(form.template)
    try:
        rows = tuple(tuple(_cell(path, each) for _, path in columns) for each in objects)
    except JSONPathError as error:
        raise click.BadParameter(f"custom-columns: {error}") from None
    return Sheet(tuple(heading for heading, _ in columns), rows)


def _cell(path: Template, document: Json) -> str:
    return ",".join(map(go_text, values_of(path, document))) or NONE


def _in_option(text: str) -> _Columns:
    parts = [part.partition(":") for part in text.split(",")]
    for heading, colon, path in parts:
        if not (colon and path):
            raise click.BadParameter(
                f"unexpected custom-columns spec: {heading}{colon}{path}, "
                "expected <header>:<json-path-expr>"
            )
    return _columns((heading, path) for heading, _, path in parts)


def _in_file(text: str) -> _Columns:
    """Parse a file: a line of headings, and a line of as many paths below it."""
    lines = text.splitlines()
    if len(lines) != 2 or not lines[0].split():  # noqa: PLR2004  as said above
        raise click.BadParameter("the file has to have a line of headings, and one of paths")
    headings, paths = lines[0].split(), lines[1].split()
    if len(headings) != len(paths):
        raise click.BadParameter(
            f"number of headers ({len(headings)}) and number of paths ({len(paths)}) differ"
        )
    return _columns(zip(headings, paths, strict=True))


def _columns(specified: Iterable[tuple[str, str]]) -> _Columns:
    try:
        columns = tuple((heading, parse_path(path)) for heading, path in specified)
    except JSONPathError as error:
        raise click.BadParameter(f"custom-columns: {error}") from None
    if len(columns) > COLUMNS_MAX:
        raise click.BadParameter(f"custom-columns: more than {COLUMNS_MAX} columns")
    return columns
