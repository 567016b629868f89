"""``waypost apply``: registers the objects of manifests, all of them or none.

files -> one List -> POST /apply -> the result for each object
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

import click

from app.cli.client import Api
from app.cli.fields import Json, mapping, mappings, text
from app.cli.manifests import Manifest, unreadable
from app.cli.objects.files import Files
from app.cli.options import (
    DryRun,
    api_option,
    connect,
    dry_run_option,
    files_option,
    kustomize_option,
    namespace_option,
    recursive_option,
    selector_option,
    strict_option,
)
from app.cli.output import (
    OutputFormat,
    print_result,
    print_text,
    print_warning,
    say,
    style_of,
    visible,
)
from app.cli.printing.forms import Form, Printed, form_option
from app.cli.printing.progress import waiting
from app.cli.verb import BareOption, verb
from waypost.client.errors import Refused, refusal_of
from waypost.client.http.queries import Parameters

_DOCUMENT = re.compile(r"\bdocuments\[(\d+)\](?:\.((?:[\w-]+|\[[^\]]*\]|\.(?=\w))*))?")


_EXAMPLES = """
waypost apply -f ent.yaml                          creates or changes the objects of a file
waypost apply -f examples/ -R --dry-run=server     of a folder and those in it; only checks
cat ent.yaml | waypost apply -f -                  of the standard input
waypost apply -k overlays/dev                      what kustomize builds of a folder
waypost apply -f ent.yaml --prune -l app=ent       and deletes what the file no longer has
"""


_VALIDATIONS: Final = {
    **dict.fromkeys(("strict", "true"), "Strict"),
    "warn": "",
    **dict.fromkeys(("ignore", "false"), "Ignore"),
}


def _no_server_side(_: click.Context, __: click.Parameter, is_asked: bool) -> None:  # noqa: FBT001
    if is_asked:
        raise click.BadParameter(
            "this server has no managers of fields: every apply is merged on the server, by "
            "what was applied last; leave the option out"
        )


@verb(examples=_EXAMPLES)
@files_option
@recursive_option
@kustomize_option
@click.argument("more_files", metavar="[FILE]...", nargs=-1, help="More files, as with -f.")
@namespace_option("", "The namespace of objects that name none.")
@dry_run_option
@click.option("--prune", is_flag=True, help="Delete objects selected by -l and not in the files.")
@selector_option
@strict_option
@click.option(
    "--validate",
    cls=BareOption,
    bare="strict",
    type=click.Choice(_VALIDATIONS),
    default="warn",
    metavar="strict|warn|ignore",
    help="What is done about unknown fields.",
)
@click.option(
    "--server-side",
    is_flag=True,
    expose_value=False,
    callback=_no_server_side,
    help="Refused: the server merges always, without managers of fields.",
)
@form_option
@api_option
@click.pass_context
def apply(  # noqa: PLR0913  each parameter is an option of the command
    context: click.Context,
    files: Sequence[str],
    more_files: Sequence[str],
    *,
    recursive: bool,
    kustomize: str,
    namespace: str,
    dry_run: DryRun,
    prune: bool,
    selector: str,
    strict: bool,
    validate: str,
    output: Form,
    api: str,
) -> None:
    """Create or replace the objects of manifests, as one write."""
    if prune and not selector:
        raise click.BadParameter("--prune needs a selector: -l app=ent")
    if not (output.is_table or output.is_document or output.name is Printed.NAME):
        raise click.BadParameter("what is applied is printed as lines, json, yaml or name")
    named = (*files, *more_files)
    if not (named or kustomize):
        raise click.BadParameter("which files? Name them with -f, or a folder with -k")
    manifests = Files(named, recursive, kustomize, namespace).manifests()
    _report_duplicates(manifests, strict=strict)
    query = {
        **dry_run.query,
        "prune": prune,
        "labelSelector": selector if prune else "",
        "strict": strict,
        "fieldValidation": _VALIDATIONS[validate],
    }
    with waiting(f"{len(manifests)} objects are applied"):
        result = _applied(connect(context, api), query, manifests)
    _print(result, output)


def _print(result: Json, form: Form) -> None:
    if isinstance(form.name, OutputFormat):
        print_result(result, form.name, _print_results)
        return
    for entry in mappings(result, "results"):
        print_text(visible(f"{text(entry, 'kind').lower()}/{text(entry, 'name')}"))


def _applied(server: Api, query: Parameters, manifests: Sequence[Manifest]) -> Json:
    body = {"apiVersion": "v1", "kind": "List", "items": [each.content for each in manifests]}

    def warn(warning: str) -> None:
        print_warning(led_by_place(warning, manifests))

    try:
        return server.ask("POST", "/apply", query=query, body=body, warn=warn)
    except Refused as refusal:
        raise refusal_of(placed(refusal.status, manifests)) from None


def placed(status: Json, manifests: Sequence[Manifest]) -> Json:
    """Replace positions in a refusal by files and lines."""

    def place(found: re.Match[str]) -> str:
        number, path = int(found[1]), found[2] or ""
        if number >= len(manifests):
            return found[0]
        where = manifests[number].at(path)
        return f"{where}: {path}" if path else where

    causes = [
        {**cause, "field": _DOCUMENT.sub(place, text(cause, "field"))}
        for cause in mappings(status, "details", "causes")
    ]
    message = _DOCUMENT.sub(place, text(status, "message"))
    details = {**mapping(status, "details"), "causes": causes}
    return {**status, "message": message, "details": details}


def led_by_place(warning: str, manifests: Sequence[Manifest]) -> str:
    """Prefix a warning that names a document with its file and line."""
    found = _DOCUMENT.search(warning)
    if found is None or int(found[1]) >= len(manifests):
        return warning
    path = found[2] or ""
    rest = f"{warning[: found.start()]}{path}{warning[found.end() :]}"
    return f"{manifests[int(found[1])].at(path)}: {rest.removeprefix(': ')}"


def _report_duplicates(manifests: Iterable[Manifest], *, strict: bool) -> None:
    found = [each for manifest in manifests for each in manifest.repeated()]
    if found and strict:
        raise unreadable(f"{len(found)} keys are given again", found)
    for each in found:
        print_warning(each)


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
