"""``waypost get``: lists objects of a kind, or shows one.

kind, name, selectors -> GET -> Sheet | document
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus

import click

from app.cli.client import Api
from app.cli.columns import sheet
from app.cli.fields import Json, mappings
from app.cli.kinds import Kind, kind_and_name, object_path
from app.cli.options import api_option, connect, namespace_option, output_option, selector_option
from app.cli.output import OutputFormat, print_document, print_sheet, print_warning, say
from waypost.client.errors import Refused


@click.command()
@click.argument(
    "kind_word", metavar="KIND", help="svc, po, no, ns, eps or the full name; or svc/ent."
)
@click.argument("name", metavar="[NAME]", required=False, help="One object.")
@namespace_option()
@click.option("--all-namespaces", "-A", is_flag=True, help="Objects of every namespace.")
@selector_option
@output_option()
@api_option
@click.pass_context
def get(  # noqa: PLR0913  each parameter is an option of the command
    context: click.Context,
    kind_word: str,
    name: str | None,
    *,
    namespace: str,
    all_namespaces: bool,
    selector: str,
    output: OutputFormat,
    api: str,
) -> None:
    """List objects of a kind, or show one of them."""
    kind, wanted = kind_and_name(kind_word, name)
    if wanted and (all_namespaces or selector):
        raise click.BadParameter("a name and a selection of many exclude each other")
    server = connect(context, api)
    if wanted:
        document = server.ask("GET", object_path(kind, namespace, wanted))
        objects = (document,)
    else:
        query = {
            "namespace": namespace if kind.is_namespaced and not all_namespaces else "",
            "labelSelector": selector,
        }
        document = _listed(server, kind, query)
        objects = mappings(document, "items")
    if output.is_document:
        print_document(document, output)
        return
    if not objects:
        where = f" in {namespace}" if kind.is_namespaced and not all_namespaces else ""
        say(f"no {kind.plural}{where}", to_stderr=True)
        return
    is_wide = output is OutputFormat.WIDE
    now = datetime.now(UTC)
    print_sheet(sheet(objects, kind, now, is_wide=is_wide, with_namespace=all_namespaces))


def _listed(server: Api, kind: Kind, query: Mapping[str, str]) -> Json:
    """List objects; those of all namespaces only as far as the caller may see them."""
    path = f"/{kind.plural}"
    try:
        return server.ask("GET", path, query=query)
    except Refused as refusal:
        if refusal.code != HTTPStatus.FORBIDDEN or query["namespace"] or not kind.is_namespaced:
            raise
    visible = server.ask("GET", path, query={**query, "visible": True})
    print_warning(f"you may not list {kind.plural} everywhere: these are of visible namespaces")
    return visible
