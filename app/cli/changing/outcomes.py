"""What became of an object: one line, or the object in the form that was asked for.

object, word -> "service/ent labeled in default"
"""

from app.cli.fields import Json
from app.cli.objects.arguments import Named
from app.cli.output import say, style_of
from app.cli.printing.forms import Form
from app.cli.printing.objects import print_objects


def print_outcome(wanted: Named, word: str, *, is_dry: bool, style: str = "") -> None:
    """Print the line of an outcome."""
    where = f" in {wanted.namespace}" if wanted.namespace else ""
    tried = " (dry run, nothing written)" if is_dry else ""
    say(f"{wanted.title} ", (word, style or style_of(word)), f"{where}{tried}")


def print_changed(
    wanted: Named, document: Json, word: str, form: Form, *, is_dry: bool = False
) -> None:
    """Print an object that was written, or the line of it for people."""
    if form.is_table:
        print_outcome(wanted, word, is_dry=is_dry)
    else:
        print_objects(document, [document], form)
