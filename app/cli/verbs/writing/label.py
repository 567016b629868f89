"""``waypost label``: sets and removes labels of objects.

objects and changes -> one PATCH each

Source: kubectl `pkg/cmd/label/label.go`.
"""

from dataclasses import replace

import click

from app.cli.changing.marking import How, mark_all
from app.cli.changing.marks import LABELS, marks_of
from app.cli.objects.chosen import Choice, choice_options
from app.cli.options import DryRun, after_tab, api_option, connect, dry_run_option
from app.cli.printing.forms import Form, form_option
from app.cli.verb import verb

_EXAMPLES = """
waypost label po ent-1 tier=front            sets a label
waypost label po ent-1 tier=back --overwrite changes it
waypost label po ent-1 tier-                 removes it
waypost label po -l app=ent tier=front       of all that a selector names
waypost label svc --all team=a -n dev        of all of a namespace
"""


@verb(examples=_EXAMPLES)
@click.argument(
    "words",
    metavar="KIND [NAME]... KEY=VALUE... KEY-...",
    nargs=-1,
    shell_complete=after_tab("words_completed"),
    help="The objects, then what changes.",
)
@choice_options
@click.option("--overwrite", is_flag=True, help="Change values that there are.")
@click.option("--list", "list_", is_flag=True, help="Print the labels.")
@click.option("--resource-version", default="", metavar="N", help="Only at this revision of it.")
@dry_run_option
@form_option
@api_option
@click.pass_context
def label(  # noqa: PLR0913  each parameter is an option of the command
    context: click.Context,
    *,
    choice: Choice,
    overwrite: bool,
    list_: bool,
    resource_version: str,
    dry_run: DryRun,
    output: Form,
    api: str,
) -> None:
    """Set and remove labels of objects: KEY=VALUE sets one, KEY- removes it."""
    words, marks = marks_of(choice.words, LABELS)
    how = How(LABELS, overwrite, list_, resource_version, dry_run, output)
    if not mark_all(connect(context, api), replace(choice, words=words), marks, how):
        context.exit(1)
