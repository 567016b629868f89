"""``waypost create``: creates the objects of manifests, or one that words describe.

files | kind, name and options -> one POST each

Source: kubectl `pkg/cmd/create/create.go`.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import click

from app.cli.changing.generated import Given, generated
from app.cli.changing.outcomes import print_changed
from app.cli.changing.writes import posted
from app.cli.client import Api
from app.cli.fields import Json
from app.cli.objects.arguments import Named, named
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
from app.cli.setup.contexts import default_namespace
from app.cli.verb import verb
from waypost.client.errors import Refused

_EXAMPLES = """
waypost create -f ent.yaml                                refused for what exists already
waypost create ns dev                                     a namespace
waypost create service clusterip ent --tcp 80:8080        selects the Pods with app=ent
waypost create service externalname db --external-name db.example.com
waypost create role reader --verb get,list --resource svc,po -n dev
waypost create rolebinding readers --role reader --user ann -n dev
waypost create ns dev --dry-run -o yaml                   only shows the object
"""


@verb(examples=_EXAMPLES)
@click.argument("words", metavar="[KIND [TYPE] NAME]", nargs=-1, help="What to create.")
@files_option
@recursive_option
@kustomize_option
@namespace_option("", "The namespace of objects that name none.")
@click.option("--tcp", multiple=True, metavar="PORT[:TARGET]", help="A port of a Service.")
@click.option("--udp", multiple=True, metavar="PORT[:TARGET]", help="The same over UDP.")
@click.option("--clusterip", "cluster_ip", default="", metavar="IP", help="Or None: headless.")
@click.option("--node-port", type=int, metavar="PORT", help="The node port of a Service.")
@click.option("--external-name", default="", metavar="NAME", help="Of a Service for a name.")
@click.option("--verb", "verbs", multiple=True, metavar="VERB", help="That a role allows.")
@click.option("--resource", "resources", multiple=True, metavar="KIND", help="Of a role.")
@click.option("--resource-name", "resource_names", multiple=True, metavar="NAME", help="Only it.")
@click.option("--role", default="", metavar="NAME", help="The Role that is bound.")
@click.option("--clusterrole", "cluster_role", default="", metavar="NAME", help="Or ClusterRole.")
@click.option("--user", "users", multiple=True, metavar="USER", help="To whom it is bound.")
@click.option("--group", "groups", multiple=True, metavar="GROUP", help="Or to which group.")
@click.option("--serviceaccount", "service_accounts", multiple=True, metavar="NS:NAME", help="Or.")
@dry_run_option
@form_option
@api_option
@click.pass_context
def create(  # noqa: PLR0913  each parameter is an option of the command
    context: click.Context,
    words: Sequence[str],
    *,
    files: Sequence[str],
    recursive: bool,
    kustomize: str,
    namespace: str,
    dry_run: DryRun,
    output: Form,
    api: str,
    **described: Any,  # noqa: ANN401  the fields of Given
) -> None:
    """Create objects, which must not exist: those of manifests, or one of a kind and a name."""
    if words and (files or kustomize):
        raise click.BadParameter("say either a kind and a name, or files with -f")
    server = connect(context, api)
    if words:
        kind, document = generated(words, Given(**described))
        name = str(words[-1])
        wanted = named(kind, namespace or default_namespace(), name)
        _print(wanted, posted(server, wanted, document, dry_run=dry_run), output, dry_run)
        return
    if not (files or kustomize):
        raise click.BadParameter("which object? Name a file with -f, or a kind and a name")
    failed = False
    for wanted, result in _created(server, files, (recursive, kustomize, namespace), dry_run):
        if isinstance(result, Refused):
            print_refusal(result.status)
            failed = True
        else:
            _print(wanted, result, output, dry_run)
    if failed:
        context.exit(1)


def _print(wanted: Named, document: Json, form: Form, dry_run: DryRun) -> None:
    print_changed(wanted, document, "created", form, is_dry=dry_run is not DryRun.NONE)


def _created(
    server: Api, files: Sequence[str], how: tuple[bool, str, str], dry_run: DryRun
) -> Iterator[tuple[Named, Json | Refused]]:
    from app.cli.objects.files import Files, placed  # noqa: PLC0415  manifests are slow to load

    for wanted, manifest in list(Files(tuple(files), *how).held()):
        try:
            yield wanted, posted(server, wanted, manifest.content, dry_run=dry_run)
        except Refused as refusal:
            yield wanted, placed(refusal, manifest)
