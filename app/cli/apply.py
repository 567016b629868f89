"""``waypost apply``: manifests become registered objects, all of them or none.

files -> one List -> POST /apply -> what became of each object
"""

import re
from collections.abc import Iterable, Sequence
from typing import Annotated

import typer

from app.cli.client import Refused
from app.cli.fields import Json, mapping, mappings, text
from app.cli.manifests import Manifest, Unreadable, in_namespace, read_manifests
from app.cli.options import (
    API,
    ApiOption,
    DryRunOption,
    FilesOption,
    OutputOption,
    SelectorOption,
    connect,
)
from app.cli.output import (
    OutputFormat,
    print_document,
    print_warning,
    say,
    style_of,
)

_DOCUMENT = re.compile(r"\bdocuments\[(\d+)\](\.?)")


def apply(  # noqa: PLR0913  each parameter is an option of the command
    context: typer.Context,
    files: FilesOption,
    more_files: Annotated[
        list[str] | None, typer.Argument(metavar="FILE", help="More of what -f takes.")
    ] = None,
    *,
    namespace: Annotated[
        str,
        typer.Option(
            "--namespace", "-n", metavar="NS", help="For objects that do not name their own."
        ),
    ] = "",
    dry_run: DryRunOption = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Delete what -l selects and the files do not name.")
    ] = False,
    selector: SelectorOption = "",
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse unknown kinds and unknown fields.")
    ] = False,
    output: OutputOption = OutputFormat.TABLE,
    api: ApiOption = API,
) -> None:
    """Create or replace the objects of manifests, as one write."""
    if prune and not selector:
        raise typer.BadParameter("--prune needs a selector: -l app=ent")
    manifests = [
        in_namespace(manifest, namespace)
        for manifest in read_manifests([*files, *(more_files or ())])
    ]
    _tell_duplicates(manifests, strict=strict)
    query = {
        "dryRun": "All" if dry_run else "",
        "prune": prune,
        "labelSelector": selector if prune else "",
        "strict": strict,
    }
    body = {"apiVersion": "v1", "kind": "List", "items": [each.content for each in manifests]}
    try:
        result = connect(context, api).ask("POST", "/apply", query=query, body=body)
    except Refused as refusal:
        raise Refused(placed(refusal.status, manifests)) from None
    if output in (OutputFormat.JSON, OutputFormat.YAML):
        print_document(result, output)
    else:
        _print_results(result)


def placed(status: Json, manifests: Sequence[Manifest]) -> Json:
    """Name files instead of positions in a refusal."""

    def place(found: re.Match[str]) -> str:
        number = int(found[1])
        if number >= len(manifests):
            return found[0]
        return f"{manifests[number].place}{': ' if found[2] else ''}"

    causes = [
        {**cause, "field": _DOCUMENT.sub(place, text(cause, "field"))}
        for cause in mappings(status, "details", "causes")
    ]
    message = _DOCUMENT.sub(place, text(status, "message"))
    details = {**mapping(status, "details"), "causes": causes}
    return {**status, "message": message, "details": details}


def _tell_duplicates(manifests: Iterable[Manifest], *, strict: bool) -> None:
    for manifest in manifests:
        for field in manifest.duplicates:
            told = f"{manifest.place}: {field} is given twice; the last one counts"
            if strict:
                raise Unreadable(told)
            print_warning(told)


def _print_results(result: Json) -> None:
    counts: dict[str, int] = {}
    is_dry = text(result, "dryRun") == "true"
    for entry in mappings(result, "results"):
        operation = text(entry, "operation")
        counts[operation] = counts.get(operation, 0) + 1
        namespace, message = text(entry, "namespace"), text(entry, "message")
        say(
            f"{text(entry, 'kind').lower()}/{text(entry, 'name')} ",
            (operation, style_of(operation)),
            f" in {namespace}" if namespace else "",
            (f": {message}" if message else "", "dim"),
        )
    counted = ", ".join(f"{number} {operation}" for operation, number in counts.items())
    when = "dry run, nothing written" if is_dry else f"revision {text(result, 'resourceVersion')}"
    say((f"{counted or 'nothing to do'} ({when})", "bold"))
