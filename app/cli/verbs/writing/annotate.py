"""``waypost annotate``: sets and removes annotations of objects.

objects and changes -> one PATCH each

Source: kubectl `pkg/cmd/annotate/annotate.go`.
"""

from dataclasses import replace

import click

from app.cli.changing.marking import How, mark_all
from app.cli.changing.marks import ANNOTATIONS, marks_of
from app.cli.objects.chosen import Choice, choice_options
from app.cli.options import DryRun, after_tab, api_option, connect, dry_run_option
from app.cli.printing.forms import Form, form_option
from app.cli.verb import verb

_EXAMPLES = """
waypost annotate svc ent owner=ann               sets an annotation
waypost annotate svc ent owner=bob --overwrite   changes it
waypost annotate svc ent owner-                  removes it
waypost annotate po -l app=ent note="to be moved"
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
@click.option("--list", "list_", is_flag=True, help="Print the annotations.")
@click.option("--resource-version", default="", metavar="N", help="Only at this revision of it.")
@dry_run_option
@form_option
@api_option
@click.pass_context
def annotate(  # noqa: PLR0913  each parameter is an option of the command
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
    """Set and remove annotations of objects: KEY=VALUE sets one, KEY- removes it."""
    words, marks = marks_of(choice.words, ANNOTATIONS)
    how = How(ANNOTATIONS, overwrite, list_, resource_version, dry_run, output)
    if not mark_all(connect(context, api), replace(choice, words=words), marks, how):
        context.exit(1)
