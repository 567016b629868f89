"""``waypost api-resources``: the kinds that there are, with their short names.

the table of kinds -> Sheet

Source: kubectl `pkg/cmd/apiresources/apiresources.go`.
"""

import click

from app.cli.kinds import KINDS, Kind
from app.cli.output import Sheet, print_sheet, print_text
from app.cli.verb import verb

_EXAMPLES = """
waypost api-resources                      all kinds
waypost api-resources --namespaced=false   those outside namespaces
waypost api-resources -o name              their full names
"""


@verb("api-resources", examples=_EXAMPLES)
@click.option(
    "--namespaced", type=click.BOOL, default=None, metavar="true|false", help="Only such kinds."
)
@click.option("--api-group", default=None, metavar="GROUP", help="Only those of a group.")
@click.option("--no-headers", is_flag=True, help="Rows without headings.")
@click.option("--sort-by", type=click.Choice(["name", "kind"]), default=None, help="The order.")
@click.option("--output", "-o", type=click.Choice(["name", "wide"]), default=None, help="The form.")
def api_resources(
    *,
    namespaced: bool | None,
    api_group: str | None,
    no_headers: bool,
    sort_by: str | None,
    output: str | None,
) -> None:
    """List the kinds of objects."""
    kinds = [
        kind
        for kind in KINDS
        if namespaced in (None, kind.is_namespaced) and api_group in (None, kind.group)
    ]
    kinds.sort(key=lambda kind: kind.name if sort_by == "kind" else kind.plural)
    if output == "name":
        for kind in kinds:
            print_text(f"{kind.plural}.{kind.group}" if kind.group else kind.plural)
        return
    headings = ("NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND")
    rows = Sheet(headings, tuple(map(_row, kinds)))
    print_sheet(rows, with_headings=not no_headers)


def _row(kind: Kind) -> tuple[str, ...]:
    is_namespaced = "true" if kind.is_namespaced else "false"
    return (kind.plural, ",".join(kind.short_names), kind.api_version, is_namespaced, kind.name)
