"""``waypost diff``: what an apply of manifests would change.

files -> merged as ``apply`` merges, and checked by the server in a dry run -> a unified diff

Exits with 0 without differences, with 1 if there are some, with 2 after an error.
Source: kubectl `pkg/cmd/diff/diff.go`.
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Final

import click

from app.cli.changing.writes import posted, put
from app.cli.client import Api
from app.cli.failures import Unreadable
from app.cli.fields import Json, mapping
from app.cli.kinds import ENDPOINTS
from app.cli.manifests import Manifest
from app.cli.objects.arguments import Named
from app.cli.objects.files import Files, placed
from app.cli.options import (
    DryRun,
    api_option,
    connect,
    files_option,
    kustomize_option,
    namespace_option,
    recursive_option,
)
from app.cli.output import print_failure, print_refusal, print_warning, say
from app.cli.verb import verb
from waypost.client.errors import NotFound, Refused

EXIT_DIFFERENT: Final = 1
EXIT_FAILED: Final = 2
_OF_SERVER: Final = frozenset(
    {"creationTimestamp", "generation", "managedFields", "resourceVersion", "uid"}
)
_STYLES: Final = {"+": "green", "-": "red", "@": "cyan"}
_EXAMPLES = """
waypost diff -f ent.yaml            what `apply` of this file would change
waypost diff -f examples/ -R        of a folder and those in it
waypost diff -k overlays/dev || echo "something would change"
"""


@verb(examples=_EXAMPLES)
@files_option
@recursive_option
@kustomize_option
@namespace_option("", "The namespace of objects that name none.")
@api_option
@click.pass_context
def diff(  # noqa: PLR0913  each parameter is an option of the command
    context: click.Context,
    *,
    files: Sequence[str],
    recursive: bool,
    kustomize: str,
    namespace: str,
    api: str,
) -> None:
    """Show what an apply of manifests would change; exits with 1 if something would."""
    if not (files or kustomize):
        raise click.BadParameter("which files? Name them with -f, or a folder with -k")
    try:
        held = list(Files(tuple(files), recursive, kustomize, namespace).held())
    except Unreadable as error:
        print_failure(str(error), error.details)
        context.exit(EXIT_FAILED)
    server = connect(context, api)
    code = max((_code(server, wanted, manifest) for wanted, manifest in held), default=0)
    if code:
        context.exit(code)


def _code(server: Api, wanted: Named, manifest: Manifest) -> int:
    if wanted.kind == ENDPOINTS:
        print_warning(f"{manifest.place}: Endpoints are kept as EndpointSlices: not compared")
        return 0
    try:
        before, after = _states(server, wanted, manifest.content)
    except Refused as refusal:
        print_refusal(placed(refusal, manifest).status)
        return EXIT_FAILED
    lines = list(_lines(wanted, before, after))
    for line in lines:
        say((line, _STYLES.get(line[:1], "")))
    return EXIT_DIFFERENT if lines else 0


def _states(server: Api, wanted: Named, content: dict[str, object]) -> tuple[Json | None, Json]:
    """Give the object as it is, and as it would be."""
    from app.schemas.patches.three_way import apply_document  # noqa: PLC0415  slow to load

    current: Json | None = None
    with suppress(NotFound):
        current = server.ask("GET", wanted.path)
    merged = apply_document(None if current is None else dict(current), content)
    if current is None:
        return None, posted(server, wanted, merged, dry_run=DryRun.SERVER)
    return current, put(server, wanted, merged, dry_run=DryRun.SERVER)


def _lines(wanted: Named, before: Json | None, after: Json) -> Iterator[str]:
    name = ".".join(filter(None, (wanted.kind.name, wanted.namespace, wanted.name)))
    live, merged = ([] if each is None else _text(each).splitlines() for each in (before, after))
    return difflib.unified_diff(live, merged, f"live/{name}", f"merged/{name}", lineterm="")


def _text(document: Json) -> str:
    from app.domain.objects.meta import LAST_APPLIED_ANNOTATION  # noqa: PLC0415  slow to load
    from app.schemas.documents.yaml_output import encode_yaml  # noqa: PLC0415

    metadata = {k: v for k, v in mapping(document, "metadata").items() if k not in _OF_SERVER}
    notes: Mapping[str, object] = mapping(metadata, "annotations")
    kept = {key: value for key, value in notes.items() if key != LAST_APPLIED_ANNOTATION}
    metadata.pop("annotations", None)
    if kept:
        metadata["annotations"] = kept
    return encode_yaml({**document, "metadata": metadata}).decode()
