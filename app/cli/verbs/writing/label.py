"""``waypost label``: sets and removes labels of objects.

objects and changes -> one PATCH each

Source: kubectl `pkg/cmd/label/label.go`.
"""

import click

from app.cli.changing.marking import How, mark_all, marking_options
from app.cli.changing.marks import LABELS
from app.cli.objects.chosen import Choice
from app.cli.options import api_option, connect
from app.cli.verb import verb

_EXAMPLES = """
waypost label po ent-1 tier=front            sets a label
waypost label po ent-1 tier=back --overwrite changes it
waypost label po ent-1 tier-                 removes it
waypost label po -l app=ent tier=front       of all that a selector names
waypost label svc --all team=a -n dev        of all of a namespace
"""


@verb(examples=_EXAMPLES)
@marking_options(LABELS)
@api_option
@click.pass_context
def label(context: click.Context, *, choice: Choice, how: How, api: str) -> None:
    """Set and remove labels of objects: KEY=VALUE sets one, KEY- removes it."""
    if not mark_all(connect(context, api), choice, how):
        context.exit(1)
