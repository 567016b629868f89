"""``waypost watch``: prints changes as they are committed, until it is interrupted.

kinds, selectors -> GET /watch -> one line per change; resumes after a lost connection
"""

import json
from collections.abc import Sequence

import click

from app.cli.fields import Json, at, text
from app.cli.kinds import kind_named
from app.cli.objects.following import RESUME_PAUSE_S, follow
from app.cli.options import api_option, connect, namespace_option, output_option, selector_option
from app.cli.output import (
    OutputFormat,
    escaped_json,
    print_document,
    print_text,
    say,
    style_of,
)
from app.cli.verb import verb
from waypost.client.watching.events import BOOKMARK

_EXAMPLES = """
waypost watch svc eps          changes of Services and their slices
waypost watch -n dev -o json   everything of a namespace, as whole events
waypost watch --since 42       what came after a revision
"""


@verb(examples=_EXAMPLES)
@click.argument("kind_words", metavar="[KIND]...", nargs=-1, help="Such as svc eps; all if none.")
@namespace_option("", "Only objects of it.")
@selector_option
@click.option("--since", default="", metavar="REVISION", help="Only changes after it.")
@click.option(
    "--timeout",
    "timeout_s",
    type=click.IntRange(min=1),
    metavar="SECONDS",
    help="When to stop.",
)
@output_option("json and yaml print whole events.")
@api_option
@click.pass_context
def watch(  # noqa: PLR0913  each parameter is an option of the command
    context: click.Context,
    kind_words: Sequence[str],
    *,
    namespace: str,
    selector: str,
    since: str,
    timeout_s: int | None,
    output: OutputFormat,
    api: str,
) -> None:
    """Show objects, then every change to them; Ctrl-C ends it."""
    words = (part for word in kind_words for part in word.split(",") if part)
    query = {
        "kinds": ",".join(dict.fromkeys(kind_named(word).name for word in words)),
        "namespace": namespace,
        "labelSelector": selector,
        "resourceVersion": since,
        "timeoutSeconds": timeout_s,
    }
    events = follow(connect(context, api), query, pause_s=RESUME_PAUSE_S)
    try:
        for event in events:
            _print_event(event, output)
    except KeyboardInterrupt:
        return


def _print_event(event: Json, output: OutputFormat) -> None:
    if output is OutputFormat.JSON:
        print_text(escaped_json(json.dumps(event, ensure_ascii=False, separators=(",", ":"))))
        return
    if output is OutputFormat.YAML:
        print_text("---")
        print_document(event, output)
        return
    type_ = text(event, "type")
    if type_ == BOOKMARK:
        return
    document = at(event, "object")
    namespace = text(document, "metadata", "namespace")
    say(
        (f"{text(document, 'metadata', 'resourceVersion'):>8}  ", "dim"),
        (f"{type_:<8}", style_of(type_)),
        f"  {text(document, 'kind').lower()}/{text(document, 'metadata', 'name')}",
        f" in {namespace}" if namespace else "",
    )
