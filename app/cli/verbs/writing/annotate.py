"""``waypost annotate``: sets and removes annotations of objects.

objects and changes -> one PATCH each

Source: kubectl `pkg/cmd/annotate/annotate.go`.
"""

import click

from app.cli.changing.marking import How, mark_all, marking_options
from app.cli.changing.marks import ANNOTATIONS
from app.cli.objects.chosen import Choice
from app.cli.options import api_option, connect
from app.cli.verb import verb

_EXAMPLES = """
waypost annotate svc ent owner=ann               sets an annotation
waypost annotate svc ent owner=bob --overwrite   changes it
waypost annotate svc ent owner-                  removes it
waypost annotate po -l app=ent note="to be moved"
"""


@verb(examples=_EXAMPLES)
@marking_options(ANNOTATIONS)
@api_option
@click.pass_context
def annotate(context: click.Context, *, choice: Choice, how: How, api: str) -> None:
    """Set and remove annotations of objects: KEY=VALUE sets one, KEY- removes it."""
    if not mark_all(connect(context, api), choice, how):
        context.exit(1)
