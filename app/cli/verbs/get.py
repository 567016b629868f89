"""``waypost get``: lists objects of a kind, or shows one.

kind, name, selectors -> GET -> Sheet | document
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

import typer

from app.cli.client import Api
from app.cli.columns import sheet
from app.cli.fields import Json, mappings
from app.cli.options import (
    API,
    ApiOption,
    NamespaceOption,
    OutputOption,
    SelectorOption,
    connect,
    kind_and_name,
    object_path,
)
from app.cli.output import OutputFormat, print_document, print_sheet, print_warning, say, stderr
from app.domain.objects.namespace import DEFAULT_NAMESPACE
from app.domain.objects.resource import AnyResource
from waypost.client.errors import Refused

KindArgument = Annotated[
    str, typer.Argument(metavar="KIND", help="svc, po, no, ns, eps or the full name; or svc/ent.")
]
NameArgument = Annotated[str | None, typer.Argument(metavar="NAME", help="One object.")]


def get(  # noqa: PLR0913  each parameter is an option of the command
    context: typer.Context,
    kind_word: KindArgument,
    name: NameArgument = None,
    *,
    namespace: NamespaceOption = DEFAULT_NAMESPACE,
    all_namespaces: Annotated[
        bool, typer.Option("--all-namespaces", "-A", help="Objects of every namespace.")
    ] = False,
    selector: SelectorOption = "",
    output: OutputOption = OutputFormat.TABLE,
    api: ApiOption = API,
) -> None:
    """List objects of a kind, or show one of them."""
    kind, wanted = kind_and_name(kind_word, name)
    if wanted and (all_namespaces or selector):
        raise typer.BadParameter("a name and a selection of many exclude each other")
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
        say(f"no {kind.plural}{where}", console=stderr())
        return
    is_wide = output is OutputFormat.WIDE
    now = datetime.now(UTC)
    print_sheet(sheet(objects, kind, now, is_wide=is_wide, with_namespace=all_namespaces))


def _listed(server: Api, kind: AnyResource, query: Mapping[str, str]) -> Json:
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
