"""``waypost explain``: why each Pod is, or is not, an endpoint of a Service.

service -> GET /services/{namespace}/{name}/explain -> a summary, then each Pod
"""

from collections.abc import Iterator
from typing import Annotated

import typer

from app.cli.fields import Json, mapping, mappings, text, texts
from app.cli.options import (
    API,
    KINDS_BY_WORD,
    ApiOption,
    NamespaceOption,
    OutputOption,
    connect,
    kind_and_name,
)
from app.cli.output import OutputFormat, Sheet, print_result, print_sheet, say
from app.domain.objects.namespace import DEFAULT_NAMESPACE
from app.domain.objects.service import SERVICE


def explain(  # noqa: PLR0913  each parameter is an option of the command
    context: typer.Context,
    kind_word: Annotated[str, typer.Argument(metavar="service", help="service, or svc/ent.")],
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The Service.")] = None,
    *,
    namespace: NamespaceOption = DEFAULT_NAMESPACE,
    output: OutputOption = OutputFormat.TABLE,
    api: ApiOption = API,
) -> None:
    """Explain why each Pod is, or is not, an endpoint of a Service."""
    if name is None and "/" not in kind_word and kind_word.lower() not in KINDS_BY_WORD:
        kind_word, name = SERVICE.plural, kind_word  # a single word is a name
    kind, wanted = kind_and_name(kind_word, name)
    if kind is not SERVICE or not wanted:
        raise typer.BadParameter("only Services are explained: waypost explain service NAME")
    explanation = connect(context, api).ask("GET", f"/services/{namespace}/{wanted}/explain")
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
