"""Objects in any form but a table of their kind.

document, objects, Form -> JSON | YAML | names | JSONPath | custom columns
"""

import sys
from collections.abc import Sequence
from typing import Final

import click

from app.cli.fields import Json, text
from app.cli.output import OutputFormat, print_document, print_sheet, print_text, visible
from app.cli.printing.forms import Form, Printed

_KEPT: Final = "\n\t"  # of control characters, on a terminal


def name_of(document: Json) -> str:
    """Give what ``-o name`` prints: ``service/ent``, ``role.rbac.authorization.k8s.io/reader``."""
    group = text(document, "apiVersion").rpartition("/")[0]
    kind = text(document, "kind").lower()
    return f"{kind}.{group}/{_name(document)}" if group else f"{kind}/{_name(document)}"


def print_objects(
    document: Json, objects: Sequence[Json], form: Form, *, with_headings: bool = True
) -> None:
    """Print objects; ``document`` is the one object, or the list of them."""
    match form.name:
        case OutputFormat():
            print_document(document, form.name)
        case Printed.NAME:
            print_text("\n".join(visible(name_of(each)) for each in objects))
        case Printed.CUSTOM_COLUMNS:
            from app.cli.printing.custom_columns import custom_sheet  # noqa: PLC0415  rarely needed

            print_sheet(custom_sheet(form, objects), with_headings=with_headings)
        case Printed.JSONPATH | Printed.JSONPATH_AS_JSON:
            _print_template(document, form)


def _print_template(document: Json, form: Form) -> None:
    from app.cli.jsonpath.evaluation import found_in  # noqa: PLC0415  as above
    from app.cli.jsonpath.nodes import JSONPathError  # noqa: PLC0415
    from app.cli.jsonpath.parsing import parse_template  # noqa: PLC0415
    from app.cli.jsonpath.text import json_of, text_of  # noqa: PLC0415

    try:
        groups = found_in(parse_template(form.template), document)
    except JSONPathError as error:
        problem = f"error parsing jsonpath {form.template}: {error}"
        raise click.BadParameter(problem) from None
    written = json_of(groups) if form.name is Printed.JSONPATH_AS_JSON else text_of(groups)
    if sys.stdout.isatty():
        written = "".join(each if each in _KEPT else visible(each) for each in written)
    sys.stdout.write(written)
    sys.stdout.flush()


def _name(document: Json) -> str:
    return text(document, "metadata", "name")
