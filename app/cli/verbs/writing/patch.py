"""``waypost patch``: changes fields of objects by a patch.

objects, patch -> one PATCH each -> the objects as they are then

Source: kubectl `pkg/cmd/patch/patch.go`.
"""

from pathlib import Path

import click

from app.cli.changing.outcomes import print_changed
from app.cli.changing.writes import PatchType, patched
from app.cli.failures import Unreadable
from app.cli.objects.chosen import Choice, choice_options, words_argument
from app.cli.objects.lists import read
from app.cli.options import DryRun, api_option, connect, dry_run_option
from app.cli.output import print_refusal
from app.cli.printing.forms import Form, form_option
from app.cli.verb import verb
from waypost.client.errors import Refused

_EXAMPLES = """
waypost patch svc ent -p '{"spec":{"type":"NodePort"}}'
waypost patch no n1 -p 'metadata: {labels: {zone: b}}' --type merge
waypost patch svc ent --type json -p '[{"op":"remove","path":"/spec/selector/tier"}]'
waypost patch po ent-1 --subresource status --patch-file ready.yaml
"""


@verb(examples=_EXAMPLES)
@words_argument
@choice_options
@click.option("--patch", "-p", "given", default="", metavar="PATCH", help="As JSON or YAML.")
@click.option("--patch-file", default="", metavar="FILE", help="A file with the patch.")
@click.option(
    "--type",
    "type_",
    type=click.Choice(PatchType, case_sensitive=False),
    default=PatchType.STRATEGIC.value,
    show_default=True,
    help="The language of the patch.",
)
@click.option("--subresource", type=click.Choice(["status"]), default=None, help="Patch only it.")
@dry_run_option
@form_option
@api_option
@click.pass_context
def patch(  # noqa: PLR0913  each parameter is an option of the command
    context: click.Context,
    *,
    choice: Choice,
    given: str,
    patch_file: str,
    type_: PatchType,
    subresource: str | None,
    dry_run: DryRun,
    output: Form,
    api: str,
) -> None:
    """Change fields of objects by a patch; lists are merged by their keys unless --type merge."""
    if bool(given) == bool(patch_file):
        raise click.BadParameter("must specify --patch or --patch-file containing the patch")
    body = _parsed(given.encode(), "--patch") if given else _read(patch_file)
    server = connect(context, api)
    failed = False
    for target in choice.targets(server):
        try:
            before = read(server, target.named)
            after = patched(
                server,
                target.named,
                body,
                type_=type_,
                dry_run=dry_run,
                subresource=subresource or "",
            )
        except Refused as refusal:
            print_refusal(refusal.status)
            failed = True
            continue
        word = "patched (no change)" if before == after else "patched"
        print_changed(target.named, after, word, output, is_dry=dry_run is not DryRun.NONE)
    if failed:
        context.exit(1)


def _read(file: str) -> object:
    try:
        return _parsed(Path(file).read_bytes(), file)
    except OSError as error:
        raise Unreadable(f"{file}: {error.strerror or error}") from None


def _parsed(octets: bytes, where: str) -> object:
    from app.domain.errors import BadRequest  # noqa: PLC0415  the parser is slow to load
    from app.schemas.documents.read import MediaType, parse_value  # noqa: PLC0415

    try:
        return parse_value(octets, MediaType.YAML).value
    except BadRequest as error:
        raise Unreadable(f"{where}: {error.message}") from None
