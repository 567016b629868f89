"""``waypost replace``: replaces objects by those of manifests.

files -> one PUT each; with --force, a DELETE and a POST

Source: kubectl `pkg/cmd/replace/replace.go`.
"""

from collections.abc import Sequence
from contextlib import suppress

import click

from app.cli.changing.outcomes import print_changed
from app.cli.changing.writes import posted, put
from app.cli.client import Api
from app.cli.fields import Json
from app.cli.manifests import Manifest
from app.cli.objects.arguments import Named
from app.cli.objects.files import Files, placed
from app.cli.objects.lists import read
from app.cli.options import (
    DryRun,
    api_option,
    connect,
    dry_run_option,
    files_option,
    kustomize_option,
    namespace_option,
    recursive_option,
)
from app.cli.output import print_refusal
from app.cli.printing.forms import Form, form_option
from app.cli.verb import verb
from waypost.client.errors import NotFound, Refused

_EXAMPLES = """
waypost get svc ent -o yaml > ent.yaml   and, after a change in the file:
waypost replace -f ent.yaml              refused if somebody changed it meanwhile
waypost replace --force -f ent.yaml      deletes and creates it, for fields that cannot change
"""


@verb(examples=_EXAMPLES)
@files_option
@recursive_option
@kustomize_option
@namespace_option("", "The namespace of objects that name none.")
@click.option("--force", is_flag=True, help="Delete and create the objects.")
@dry_run_option
@form_option
@api_option
@click.pass_context
def replace(  # noqa: PLR0913  each parameter is an option of the command
    context: click.Context,
    *,
    files: Sequence[str],
    recursive: bool,
    kustomize: str,
    namespace: str,
    force: bool,
    dry_run: DryRun,
    output: Form,
    api: str,
) -> None:
    """Replace objects, which must exist, by those of manifests."""
    if not (files or kustomize):
        raise click.BadParameter("which files? Name them with -f, or a folder with -k")
    if force and dry_run is not DryRun.NONE:
        raise click.BadParameter("--dry-run can not be used when --force is set")
    held = list(Files(tuple(files), recursive, kustomize, namespace).held())
    server = connect(context, api)
    failed = False
    for wanted, manifest in held:
        try:
            document = _replaced(server, wanted, manifest, dry_run, is_forced=force)
        except Refused as refusal:
            print_refusal(placed(refusal, manifest).status)
            failed = True
            continue
        print_changed(wanted, document, "replaced", output, is_dry=dry_run is not DryRun.NONE)
    if failed:
        context.exit(1)


def _replaced(
    server: Api, wanted: Named, manifest: Manifest, dry_run: DryRun, *, is_forced: bool
) -> Json:
    if not is_forced:
        read(server, wanted)  # a PUT would create it
        return put(server, wanted, manifest.content, dry_run=dry_run)
    with suppress(NotFound):
        server.ask("DELETE", wanted.path, query={"gracePeriodSeconds": 0})
    return posted(server, wanted, manifest.content)
