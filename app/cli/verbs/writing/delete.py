"""``waypost delete``: deletes objects, by name or by their manifests.

kind, name | files -> one DELETE each, referring objects before those they refer to
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import click

from app.cli.client import Api
from app.cli.fields import Json, mappings, text
from app.cli.kinds import ENDPOINTS, KINDS, Kind, kind_and_name, kind_named, object_path
from app.cli.manifests import in_namespace, read_manifests
from app.cli.options import api_option, connect, dry_run_option, namespace_option
from app.cli.output import print_refusal, print_warning, say
from waypost.client.errors import Refused
from waypost.client.http.queries import Parameters
from waypost.client.paths import DEFAULT_NAMESPACE


@dataclass(frozen=True, slots=True)
class _Target:
    kind: Kind
    namespace: str
    name: str


@click.command()
@click.argument("kind_word", metavar="[KIND]", required=False, help="Such as svc, or svc/ent.")
@click.argument("name", metavar="[NAME]", required=False, help="The object's name.")
@click.option(
    "--filename",
    "-f",
    "files",
    multiple=True,
    metavar="FILE",
    help="Manifests of objects to delete.",
)
@namespace_option("")
@click.option(
    "--grace-period",
    "grace_period_s",
    type=click.IntRange(min=0),
    metavar="SECONDS",
    help="How long a Pod keeps terminating.",
)
@click.option("--ignore-not-found", is_flag=True, help="A missing object counts as deleted.")
@dry_run_option
@api_option
@click.pass_context
def delete(  # noqa: PLR0913  each parameter is an option of the command
    context: click.Context,
    kind_word: str | None,
    name: str | None,
    *,
    files: Sequence[str],
    namespace: str,
    grace_period_s: int | None,
    ignore_not_found: bool,
    dry_run: bool,
    api: str,
) -> None:
    """Delete one object, or all objects of the given manifests."""
    if bool(files) == bool(kind_word):
        raise click.BadParameter("say either a kind and a name, or files with -f")
    targets = _in_files(files, namespace) if files else [_named(kind_word or "", name, namespace)]
    query = {"dryRun": "All" if dry_run else "", "gracePeriodSeconds": grace_period_s}
    server = connect(context, api)
    results = [
        _delete(server, target, query, ignore_not_found=ignore_not_found) for target in targets
    ]
    if not all(results):
        context.exit(1)


def _named(kind_word: str, name: str | None, namespace: str) -> _Target:
    kind, wanted = kind_and_name(kind_word, name)
    if not wanted:
        raise click.BadParameter(f"which of the {kind.plural}? A name is missing")
    return _Target(kind, namespace or DEFAULT_NAMESPACE, wanted)


def _in_files(files: Iterable[str], namespace: str) -> list[_Target]:
    # Slow to load, by half a second, which deleting by name need not spend.
    from app.schemas.documents.remarks import not_held_line  # noqa: PLC0415

    manifests = [in_namespace(manifest, namespace) for manifest in read_manifests(files)]
    for manifest in manifests:
        if manifest.kind is None:
            words = (text(manifest.content, field) for field in ("kind", "apiVersion"))
            print_warning(f"{manifest.at('kind')}: {not_held_line(*words)}")
        elif not manifest.name:
            print_warning(f"{manifest.at('metadata.name')}: a name is missing")
    targets = [
        _Target(kind, manifest.namespace or DEFAULT_NAMESPACE, manifest.name)
        for manifest in manifests
        if (kind := manifest.kind) is not None and manifest.name
    ]
    # Objects that refer to a Service are deleted before it, Endpoints first.
    order = (ENDPOINTS, *reversed(KINDS))
    return sorted(targets, key=lambda target: order.index(target.kind))


def _delete(server: Api, target: _Target, query: Parameters, *, ignore_not_found: bool) -> bool:
    """Delete one object and print the result; returns whether it is gone or terminating."""
    if target.kind == ENDPOINTS:
        return _delete_mirrored(server, target, query)
    path = object_path(target.kind, target.namespace, target.name)
    try:
        answer = server.ask("DELETE", path, query=query)
    except Refused as refusal:
        if refusal.reason == "NotFound" and ignore_not_found:
            return True
        print_refusal(refusal.status)
        return False
    where = f" in {target.namespace}" if target.kind.is_namespaced else ""
    tried = " (dry run, nothing written)" if query["dryRun"] else ""
    word, style = _outcome(answer)
    say(f"{target.kind.name.lower()}/{target.name} ", (word, style), f"{where}{tried}")
    return True


def _delete_mirrored(server: Api, target: _Target, query: Parameters) -> bool:
    """Delete the slices that mirror an Endpoints object, if there are any."""
    # Kinds are slow to load, which deleting by name need not spend.
    from app.domain.objects.endpoint_slice import (  # noqa: PLC0415
        MANAGED_BY_LABEL,
        MIRRORED_BY,
        SERVICE_NAME_LABEL,
    )

    slices_kind = kind_named("EndpointSlice")
    selector = f"{SERVICE_NAME_LABEL}={target.name},{MANAGED_BY_LABEL}={MIRRORED_BY}"
    asked = {"namespace": target.namespace, "labelSelector": selector}
    found = mappings(server.ask("GET", f"/{slices_kind.plural}", query=asked), "items")
    slices = [
        _Target(slices_kind, target.namespace, text(each, "metadata", "name")) for each in found
    ]
    if not slices:
        say(f"endpoints/{target.name}: nothing is mirrored from it in {target.namespace}")
    # A slice may be deleted meanwhile, for instance with its Service.
    results = [_delete(server, each, query, ignore_not_found=True) for each in slices]
    return all(results)


def _outcome(answer: Json) -> tuple[str, str]:
    """Word whether the object is gone or a Pod that is still terminating."""
    grace_s = text(answer, "metadata", "deletionGracePeriodSeconds", default="0")
    if grace_s != "0":
        return f"terminating for {grace_s} s", "yellow"
    return "deleted", "red"
