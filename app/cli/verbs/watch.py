"""``waypost watch``: prints changes as they are committed, until it is interrupted.

kinds, selectors -> GET /watch -> one line per change; resumes after a lost connection
"""

import json
import time
from collections.abc import Iterator, Sequence

import click

from app.cli.client import Api
from app.cli.failures import words_of
from app.cli.fields import Json, at, mapping, text
from app.cli.kinds import kind_named
from app.cli.options import api_option, connect, namespace_option, output_option, selector_option
from app.cli.output import (
    OutputFormat,
    escaped_json,
    print_document,
    print_text,
    print_warning,
    say,
    style_of,
)
from waypost.client.errors import Misbehaved, Unreachable
from waypost.client.http.queries import Parameters
from waypost.client.watching.events import BOOKMARK, Event, Resume, event_of

RESUME_PAUSE_S = 1.0


@click.command()
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


def follow(server: Api, query: Parameters, *, pause_s: float) -> Iterator[Json]:
    """Yield events; after a lost connection, resume after the last complete revision.

    That is the revision of a bookmark, which the server sends after every batch; later
    events that have been yielded are not repeated.  Raises Refused when the server ends
    the watch with an error, and the error of a first connection that fails.
    """
    resume, has_begun = Resume(str(query.get("resourceVersion") or "")), False
    seen: set[tuple[str, ...]] = set()  # events after the last complete revision
    while True:
        may_be_repeated = frozenset(seen)
        following = {**query, "resourceVersion": resume.begin(), "progress": True}
        try:
            for document in server.follow("/watch", query=following):
                has_begun = True
                event = event_of(document, url=server.url)
                identity = _identity(event)
                if resume.advance(event):
                    seen.clear()
                else:
                    seen.add(identity)
                if identity not in may_be_repeated:
                    yield document
        except (Unreachable, Misbehaved) as lost:
            if not has_begun:
                raise
            since = resume.since or "none"
            print_warning(f"{words_of(lost)}; going on after revision {since}")
        if query.get("timeoutSeconds"):
            return
        time.sleep(pause_s)


def _identity(event: Event) -> tuple[str, ...]:
    meta = mapping(event.object, "metadata")
    names = (text(meta, name) for name in ("namespace", "name", "resourceVersion"))
    return (event.type, text(event.object, "kind"), *names)


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
