"""The changes of one kind's objects, after a list of them: ``get -w``.

list -> rows; changes -> further rows, each when it arrives

Source: kubectl `pkg/cmd/get/get.go`, `watch`.
"""

import json
from dataclasses import replace

import click

from app.cli.client import Api
from app.cli.fields import Json, mapping, mappings, text
from app.cli.kinds import Kind
from app.cli.objects.arguments import Asked
from app.cli.objects.following import RESUME_PAUSE_S, follow
from app.cli.objects.lists import Scope, listed
from app.cli.output import OutputFormat, Sheet, escaped_json, print_document, print_text
from app.cli.printing.objects import print_objects
from app.cli.printing.tables import GrowingTable, Shown, sheet_of, sorted_by
from waypost.client.watching.events import BOOKMARK

_EVENT, _ADDED = "EVENT", "ADDED"


def follow_list(  # noqa: PLR0913  the options of the command
    server: Api,
    asked: Asked,
    scope: Scope,
    shown: Shown,
    *,
    with_list: bool,
    with_events: bool,
) -> None:
    """Print a list of one kind, or one object, and every change to it, until it is interrupted."""
    kind, scope = _watched(asked, scope)
    document = listed(server, kind, scope)
    printer = _Printer(kind, shown, with_events=with_events, with_namespace=scope.is_everywhere)
    objects = mappings(document, "items")
    if with_list:
        for each in sorted_by(shown.sort_by, objects):
            printer.add(_ADDED, each)
        printer.flush()
    since = text(document, "metadata", "resourceVersion")
    query = {**scope.query_of(kind), "resourceVersion": since}
    try:
        for event in follow(server, query, pause_s=RESUME_PAUSE_S, path=f"/{kind.plural}"):
            if text(event, "type") != BOOKMARK:
                printer.add(text(event, "type"), mapping(event, "object"))
                printer.flush()
    except KeyboardInterrupt:
        return


def _watched(asked: Asked, scope: Scope) -> tuple[Kind, Scope]:
    """Give the one kind, and the scope that may be a single object."""
    if len(asked.kinds) == 1:
        return asked.kinds[0], scope
    if len(asked.named) != 1:
        raise click.BadParameter(
            "a watch is of one kind, or of one object; `waypost watch` follows several kinds"
        )
    one = asked.named[0]
    fields = ",".join(filter(None, (f"metadata.name={one.name}", scope.fields)))
    return one.kind, replace(scope, fields=fields)


class _Printer:
    """Prints objects as they arrive; rows of one moment together."""

    def __init__(
        self, kind: Kind, shown: Shown, *, with_events: bool, with_namespace: bool
    ) -> None:
        self._kind, self._shown = kind, shown
        self._with_events, self._with_namespace = with_events, with_namespace
        self._table = GrowingTable(with_headings=shown.with_headings)
        self._waiting: list[tuple[str, Json]] = []

    def add(self, change: str, document: Json) -> None:
        self._waiting.append((change, document))

    def flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        if self._shown.form.is_table and waiting:
            self._table.print(self._rows(waiting))
            return
        for change, document in waiting:
            self._print(change, document)

    def _rows(self, waiting: list[tuple[str, Json]]) -> Sheet:
        objects = [document for _, document in waiting]
        rows = sheet_of(objects, self._kind, self._shown, with_namespace=self._with_namespace)
        if not self._with_events:
            return rows
        led = ((change, *row) for (change, _), row in zip(waiting, rows.rows, strict=True))
        return Sheet((_EVENT, *rows.headings), tuple(led))

    def _print(self, change: str, document: Json) -> None:
        shown: Json = {"type": change, "object": document} if self._with_events else document
        form = self._shown.form
        if form.name is OutputFormat.JSON:
            print_text(escaped_json(json.dumps(shown, indent=2, ensure_ascii=False)))
        elif form.name is OutputFormat.YAML:
            print_text("---")
            print_document(shown, form.name)
        else:
            print_objects(document, [document], form, with_headings=self._shown.with_headings)
