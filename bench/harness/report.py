"""The figures of a run as a table: aligned for a terminal, and as Markdown.

[(benchmark, [Taken])], remarks, machine -> text
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from bench.harness.figures import Figure, Goal, Taken

HEADINGS = ("what", "measured", "rounds", "goal", "peer", "peer's", "ratio", "goal", "reached")
NOTHING = "–"  # noqa: RUF001  a dash, as in a table
VERDICTS = {True: "yes", False: "**no**", None: NOTHING}
FEWER_FROM = (1, 10, 100)  # each takes away one of three decimals


def rows_of(every: Iterable[Taken]) -> Iterator[tuple[str, ...]]:
    """Write the cells of each figure."""
    for taken in every:
        figure = taken.figure
        yield (
            figure.what,
            with_unit(taken.value, figure.unit),
            ", ".join(map(number, taken.values)) or NOTHING,
            goal_of(figure.goal, figure.unit),
            figure.peer or NOTHING,
            with_unit(taken.peer_value, figure.unit),
            NOTHING if taken.ratio is None else number(taken.ratio),
            goal_of(figure.ratio_goal, ""),
            VERDICTS[taken.is_reached],
        )


def table(figures_by_benchmark: Mapping[str, Sequence[Taken]]) -> str:
    """Align the cells for a terminal, all benchmarks alike."""
    groups = [(name, list(rows_of(every))) for name, every in figures_by_benchmark.items()]
    columns = zip(HEADINGS, *(row for _, rows in groups for row in rows), strict=True)
    widths = [max(map(len, column)) for column in columns]
    lines = [_aligned(HEADINGS, widths)]
    for name, rows in groups:
        lines += ["", name, *(_aligned(row, widths) for row in rows)]
    return "\n".join(lines).replace("**", "")


def bounds(every: Iterable[Taken]) -> list[str]:
    """Write what bounds the figures that miss a goal, where a profile has shown it."""
    missed = (taken.figure for taken in every if taken.is_reached is False)
    return [f"{each.what}: {each.bounded_by}" for each in missed if each.bounded_by]


def _aligned(row: Iterable[str], widths: Sequence[int]) -> str:
    cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
    return "  ".join(cells).rstrip()


def markdown(
    figures_by_benchmark: Mapping[str, Sequence[Taken]],
    remarks: Sequence[str],
    about: Mapping[str, str],
) -> str:
    """Write the document of a whole run."""
    lines = ["# Results", "", "Written by `make bench`; the [README](README.md) says how.", ""]
    lines += [f"* {name}: {value}" for name, value in about.items()]
    for benchmark, every in figures_by_benchmark.items():
        lines += ["", f"## {benchmark}", "", *_markdown_table(every)]
        if missed := bounds(every):
            lines += ["", "What bounds it:", "", *(f"* {sentence}" for sentence in missed)]
    if remarks:
        lines += ["", "## Remarks", "", *(f"* {remark}" for remark in remarks)]
    return "\n".join(lines) + "\n"


def _markdown_table(every: Sequence[Taken]) -> Iterator[str]:
    yield _markdown_row(HEADINGS)
    yield _markdown_row(["---"] * len(HEADINGS))
    for row in rows_of(every):
        yield _markdown_row(row)


def _markdown_row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def line_of(figure: Figure, value: float) -> str:
    """Write one value while a benchmark runs."""
    return f"{figure.what}: {with_unit(value, figure.unit)}"


def goal_of(goal: Goal | None, unit: str) -> str:
    """Write a goal with the sign of its bound."""
    if goal is None:
        return NOTHING
    return ("≥ " if goal.is_lower else "≤ ") + with_unit(goal.bound, unit)


def with_unit(value: float | None, unit: str) -> str:
    """Write a value; a rate's unit follows at once."""
    if value is None:
        return NOTHING
    return number(value) + (unit if unit.startswith("/") else f" {unit}".rstrip())


def number(value: float) -> str:
    """Write three digits that count, and the thousands apart."""
    decimals = sum(abs(value) < bound for bound in FEWER_FROM)
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
