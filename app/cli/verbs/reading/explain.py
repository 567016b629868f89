"""``waypost explain``: why each Pod is, or is not, an endpoint of a Service.

service -> GET /services/{namespace}/{name}/explain -> a summary, then each Pod
"""

from collections.abc import Iterator

import click

from app.cli.fields import Json, mapping, mappings, text, texts
from app.cli.kinds import KINDS_BY_WORD, SERVICE_NAME, kind_and_name
from app.cli.options import api_option, connect, namespace_option, output_option
from app.cli.output import OutputFormat, Sheet, print_result, print_sheet, say
from app.cli.verb import verb
from waypost.client.paths import path_of

_EXAMPLES = """
waypost explain ent            why each Pod is, or is not, an endpoint of the Service ent
waypost explain svc/ent -n dev -o json
"""


@verb(examples=_EXAMPLES)
@click.argument("kind_word", metavar="service", help="service, or svc/ent.")
@click.argument("name", metavar="[NAME]", required=False, help="The Service.")
@namespace_option()
@output_option()
@api_option
@click.pass_context
def explain(  # noqa: PLR0913  each parameter is an option of the command
    context: click.Context,
    kind_word: str,
    name: str | None,
    *,
    namespace: str,
    output: OutputFormat,
    api: str,
) -> None:
    """Explain why each Pod is, or is not, an endpoint of a Service."""
    if name is None and "/" not in kind_word and kind_word.lower() not in KINDS_BY_WORD:
        kind_word, name = SERVICE_NAME, kind_word  # a single word is a name
    kind, wanted = kind_and_name(kind_word, name)
    if kind.name != SERVICE_NAME or not wanted:
        raise click.BadParameter("only Services are explained: waypost explain service NAME")
    path = f"{path_of(kind.plural, namespace, wanted)}/explain"
    explanation = connect(context, api).ask("GET", path)
    print_result(explanation, output, print_explanation)


def print_explanation(explanation: Json) -> None:
    """Print an explanation for people."""
    say((text(explanation, "summary"), "bold"))
    if pods := mappings(explanation, "pods"):
        say()
        print_sheet(Sheet(("POD", "VERDICT", "WHY"), tuple(_rows(pods, "pod", "verdict"))))
    if slices := mappings(explanation, "slices"):
        say()
        rows = tuple(_rows(slices, "slice", "managedBy"))
        print_sheet(Sheet(("SLICE", "MANAGED BY", "WHY"), rows))
    for omitted, noun in (("podsOmitted", "Pods"), ("slicesOmitted", "slices")):
        if (number := text(explanation, omitted, default="0")) != "0":
            say((f"{number} more {noun} are not shown", "dim"))


def _rows(entries: tuple[Json, ...], key: str, fact: str) -> Iterator[tuple[str, ...]]:
    """Give one row per reason; only the first has the name and the fact."""
    for entry in entries:
        named = text(entry, key) or text(entry, "name") or text(mapping(entry, key), "name")
        head = (named, text(entry, fact))
        reasons = [text(reason, "message") for reason in mappings(entry, "reasons")]
        for place, reason in enumerate(reasons or list(texts(entry, "reasons")) or [""]):
            yield (*(head if place == 0 else ("", "")), reason)
