"""``waypost get``: lists objects, shows some of them, and follows their changes.

kinds, names, selectors -> GET -> tables | documents | names | templates

Source: kubectl `pkg/cmd/get/get.go`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import click

from app.cli.client import Api
from app.cli.fields import Json, mappings
from app.cli.kinds import Kind
from app.cli.objects.arguments import Asked, Named, asked_by
from app.cli.objects.lists import Scope, listed, missing_namespace, read
from app.cli.options import (
    after_tab,
    all_namespaces_option,
    api_option,
    connect,
    field_selector_option,
    given_namespace,
    namespace_option,
    recursive_option,
    selector_option,
)
from app.cli.output import print_refusals, print_text, say
from app.cli.printing.forms import Form, form_option
from app.cli.printing.objects import print_objects
from app.cli.printing.tables import GrowingTable, Shown, sheet_of, sorted_by
from app.cli.verb import verb
from waypost.client.errors import NotFound

_EXAMPLES = """
waypost get svc                                   the Services of the namespace
waypost get svc,po -A -o wide                     Services and Pods of all, with more columns
waypost get svc ent web                           two of them
waypost get svc/ent po/ent-1 -o yaml              of two kinds, as YAML
waypost get all -l app=ent --show-labels          Pods and Services with a label
waypost get po -w --field-selector spec.nodeName=n1
waypost get svc ent -o jsonpath='{.spec.clusterIP}'
waypost get po -o custom-columns=NAME:.metadata.name,IP:.status.podIP --sort-by=.status.podIP
"""


class Group(NamedTuple):
    """The objects of one kind, and the document that holds them."""

    kind: Kind
    document: Json
    objects: tuple[Json, ...]


@verb(examples=_EXAMPLES)
@click.argument(
    "words",
    metavar="KIND[,KIND] [NAME]... | KIND/NAME...",
    nargs=-1,
    shell_complete=after_tab("words_completed"),
    help="svc, po, no, ns, eps, all or the full name.",
)
@namespace_option()
@all_namespaces_option
@selector_option
@field_selector_option
@click.option(
    "--filename", "-f", "files", multiple=True, metavar="FILE", help="Those of manifests."
)
@recursive_option
@click.option("--watch", "-w", is_flag=True, help="Follow changes after the list; Ctrl-C ends it.")
@click.option("--watch-only", is_flag=True, help="Follow changes without a list.")
@click.option("--output-watch-events", is_flag=True, help="Say what each change was.")
@click.option("--ignore-not-found", is_flag=True, help="A missing object is no failure.")
@click.option("--no-headers", is_flag=True, help="Rows without headings.")
@click.option("--show-labels", is_flag=True, help="All labels as the last column.")
@click.option("--show-kind", is_flag=True, help="The kind before each name.")
@click.option(
    "--label-columns", "-L", multiple=True, metavar="KEY", help="A column for a label's values."
)
@click.option("--sort-by", default="", metavar="PATH", help="A JSONPath: .metadata.name.")
@form_option
@api_option
@click.pass_context
def get(  # noqa: PLR0913  each parameter is an option of the command
    context: click.Context,
    words: Sequence[str],
    *,
    namespace: str,
    all_namespaces: bool,
    selector: str,
    field_selector: str,
    files: Sequence[str],
    recursive: bool,
    watch: bool,
    watch_only: bool,
    output_watch_events: bool,
    ignore_not_found: bool,
    no_headers: bool,
    show_labels: bool,
    show_kind: bool,
    label_columns: Sequence[str],
    sort_by: str,
    output: Form,
    api: str,
) -> None:
    """List objects of one kind or more, or show some of them."""
    asked = _asked(words, namespace, files, is_recursive=recursive)
    scope = Scope(namespace, all_namespaces, selector, field_selector)
    if asked.named and scope.selects and not watch:
        raise click.BadParameter("a name and a selection of many exclude each other")
    with_kind, labels = show_kind or asked.has_several_kinds, tuple(label_columns)
    shown = Shown(output, not no_headers, show_labels, labels, with_kind, sort_by)
    server = connect(context, api)
    if watch or watch_only:
        from app.cli.objects.watching import follow_list  # noqa: PLC0415  rarely needed

        with_list, with_events = not watch_only, output_watch_events
        follow_list(server, asked, scope, shown, with_list=with_list, with_events=with_events)
        return
    groups, refusals = _found(server, asked, scope, ignores_missing=ignore_not_found)
    _print(groups, shown, is_single=len(asked.named) == 1, with_namespace=all_namespaces)
    if asked.kinds and not any(group.objects for group in groups) and output.is_table:
        _report_none(server, asked.kinds, scope, is_ignored=ignore_not_found)
    if print_refusals(refusals):
        context.exit(1)


def _asked(
    words: Sequence[str], namespace: str, files: Sequence[str], *, is_recursive: bool
) -> Asked:
    if not files:
        return asked_by(words, namespace)
    if words:
        raise click.BadParameter("say either kinds and names, or files with -f")
    from app.cli.objects.files import Files  # noqa: PLC0415  manifests are slow to load

    held = Files(tuple(files), is_recursive, namespace=given_namespace(namespace)).held()
    return Asked(named=tuple(each for each, _ in held))


def _found(
    server: Api, asked: Asked, scope: Scope, *, ignores_missing: bool
) -> tuple[list[Group], list[NotFound]]:
    """Read what is asked for: what there is, and the refusals of what is missing."""
    groups: dict[Kind, Group] = {}
    refusals: list[NotFound] = []
    for kind in asked.kinds:
        document = listed(server, kind, scope)
        groups[kind] = Group(kind, document, mappings(document, "items"))
    for each in asked.named:
        try:
            document = _read(server, each, ignores_missing=ignores_missing)
        except NotFound as refusal:
            refusals.append(refusal)
            continue
        if document is not None:
            before = groups[each.kind].objects if each.kind in groups else ()
            groups[each.kind] = Group(each.kind, document, (*before, document))
    return list(groups.values()), refusals


def _read(server: Api, wanted: Named, *, ignores_missing: bool) -> Json | None:
    if not ignores_missing:
        return read(server, wanted)
    try:
        return server.ask("GET", wanted.path)
    except NotFound:
        return None


def _print(groups: Sequence[Group], shown: Shown, *, is_single: bool, with_namespace: bool) -> None:
    if shown.form.is_table:
        _print_tables([group for group in groups if group.objects], shown, with_namespace)
        return
    objects = [*sorted_by(shown.sort_by, [each for group in groups for each in group.objects])]
    if is_single and not objects:
        return
    document = objects[0] if is_single else _list(groups, objects, is_sorted=bool(shown.sort_by))
    print_objects(document, objects, shown.form, with_headings=shown.with_headings)


def _print_tables(groups: Sequence[Group], shown: Shown, with_namespace: bool) -> None:  # noqa: FBT001
    for place, group in enumerate(groups):
        if place:
            print_text("")
        objects = sorted_by(shown.sort_by, group.objects)
        rows = sheet_of(objects, group.kind, shown, with_namespace=with_namespace)
        GrowingTable(with_headings=shown.with_headings).print(rows)


def _list(groups: Sequence[Group], objects: Sequence[Json], *, is_sorted: bool) -> Json:
    """Give the server's list of one kind, or one list of all objects."""
    if len(groups) == 1 and "items" in groups[0].document:
        document = groups[0].document
        return {**document, "items": list(objects)} if is_sorted else document
    return {
        "apiVersion": "v1",
        "kind": "List",
        "metadata": {"resourceVersion": ""},
        "items": list(objects),
    }


def _report_none(server: Api, kinds: Sequence[Kind], scope: Scope, *, is_ignored: bool) -> None:
    """Say on the standard error stream that there is nothing, and why that may be."""
    if is_ignored:
        return
    is_within = any(kind.is_namespaced for kind in kinds) and not scope.is_everywhere
    where = f" in {scope.namespace}" if is_within else ""
    hint = missing_namespace(server, scope.namespace) if is_within else ""
    say(f"no {' or '.join(kind.plural for kind in kinds)}{where}{hint}", to_stderr=True)
