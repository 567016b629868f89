"""Tables of objects of one kind or more, as ``get`` prints them.

    objects, kind, Shown -> rows, with labels and the names of kinds if asked
    events -> further rows, below the same columns

Source: kubectl `pkg/cmd/get/table_printer.go` and `pkg/printers/tabwriter.go`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from app.cli.columns import NONE, Column, sheet
from app.cli.fields import Json, mapping, text
from app.cli.kinds import Kind
from app.cli.output import OutputFormat, Sheet, padded, print_lines
from app.cli.printing.forms import Form
from app.cli.printing.objects import name_of

_NAME, _LABELS = "NAME", "LABELS"


@dataclass(frozen=True, slots=True)
class Shown:
    """How objects are printed."""

    form: Form
    with_headings: bool = True
    with_labels: bool = False
    label_columns: tuple[str, ...] = ()
    with_kind: bool = False
    sort_by: str = ""


def sheet_of(
    objects: Iterable[Json], kind: Kind, shown: Shown, *, with_namespace: bool = False
) -> Sheet:
    """Tabulate objects of a kind."""
    listed = list(objects)
    is_wide = shown.form.name is OutputFormat.WIDE
    now = datetime.now(UTC)
    made = sheet(listed, kind, now, is_wide=is_wide, with_namespace=with_namespace)
    # A wide table may have a column of labels already.
    more = [each for each in _label_columns(shown) if each.heading not in made.headings]
    if more:
        made = sheet(listed, kind, now, is_wide=is_wide, with_namespace=with_namespace, more=more)
    return _with_kinds(made, listed) if shown.with_kind else made


def sorted_by(path: str, objects: Sequence[Json]) -> Sequence[Json]:
    """Sort objects by a JSONPath; as they are without one."""
    if not path:
        return objects
    from app.cli.printing.sorting import in_order  # noqa: PLC0415  rarely needed

    return in_order(path, objects)


class GrowingTable:
    """A table that is printed as its rows arrive; columns only grow."""

    def __init__(self, *, with_headings: bool) -> None:
        self._with_headings = with_headings
        self._widths: tuple[int, ...] = ()

    def print(self, rows: Sheet) -> None:
        """Print rows, after the headings at first."""
        lines = padded(rows, with_headings=self._with_headings, widths_min=self._widths)
        print_lines(lines, with_headings=self._with_headings)
        if lines:
            self._widths = tuple(map(len, lines[0]))
            self._with_headings = False


def _label_columns(shown: Shown) -> Iterable[Column]:
    for label in (part for each in shown.label_columns for part in each.split(",") if part):
        yield Column(label.rpartition("/")[2].upper(), partial(_label, label))
    if shown.with_labels:
        yield Column(_LABELS, _labels)


def _label(key: str, document: Json) -> str:
    return text(document, "metadata", "labels", key)


def _labels(document: Json) -> str:
    labels = mapping(document, "metadata", "labels")
    return ",".join(f"{key}={text(labels, key)}" for key in sorted(labels)) or NONE


def _with_kinds(made: Sheet, objects: Sequence[Json]) -> Sheet:
    place = made.headings.index(_NAME)
    rows = (
        (*row[:place], name_of(each), *row[place + 1 :])
        for row, each in zip(made.rows, objects, strict=True)
    )
    return replace(made, rows=tuple(rows))
