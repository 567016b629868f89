import pytest

from bench.harness.figures import Figure, Taken, at_least, at_most
from bench.harness.report import bounds, goal_of, markdown, number, table, with_unit

RESOLVE = Figure("GET /resolve | whole", "/s", at_least(10_000), "etcd, one key", at_least(1.3))
START = Figure("start", "s", at_most(6))
FIGURES = {
    "http": [Taken(RESOLVE, [9_000, 12_000, 11_000], [8_000, 8_100, 7_000])],
    "start": [Taken(START, [6.5])],
}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.0004, "0"),
        (0.0126, "0.013"),
        (0.25, "0.25"),
        (9.999, "10"),
        (10, "10"),
        (12.34, "12.3"),
        (123.4, "123"),
        (10_000, "10,000"),
        (-36.04, "-36"),
        (1_234_567.8, "1,234,568"),
    ],
)
def test_a_number_has_three_digits_that_count(value: float, text: str) -> None:
    assert number(value) == text


def test_a_goal_says_which_way_it_is() -> None:
    assert goal_of(at_least(10_000), "/s") == "≥ 10,000/s"
    assert goal_of(at_most(0.25), "s") == "≤ 0.25 s"
    assert goal_of(None, "s") == "–"  # noqa: RUF001  a dash


def test_a_ratio_has_no_unit_and_nothing_is_a_dash() -> None:
    assert with_unit(1.3, "") == "1.3"
    assert with_unit(None, "/s") == "–"  # noqa: RUF001  a dash


def test_the_table_shows_medians_goals_ratios_and_verdicts_in_columns() -> None:
    lines = table(FIGURES).splitlines()
    resolve = next(line for line in lines if "/resolve" in line)
    start = next(line for line in lines if line.startswith("start  "))
    columns = lines[0]
    for line, cells in (
        (resolve, {"measured": "11,000/s", "peer's": "8,000/s", "ratio": "1.38", "reached": "yes"}),
        (start, {"measured": "6.5 s", "goal": "≤ 6 s", "reached": "no"}),
    ):
        for heading, cell in cells.items():
            assert line[columns.index(heading) :].startswith(cell)


def test_the_document_has_a_table_for_each_benchmark_and_names_the_machine() -> None:
    text = markdown(FIGURES, ["wrk used up its core"], {"Machine": "2 × a processor"})  # noqa: RUF001
    assert "* Machine: 2 × a processor\n" in text  # noqa: RUF001
    assert "\n## http\n" in text
    assert "\n## start\n" in text
    assert text.endswith("## Remarks\n\n* wrk used up its core\n")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {row.replace("\\|", "").count("|") for row in rows} == {10}
    assert "GET /resolve \\| whole | 11,000/s | 9,000, 12,000, 11,000 |" in text
    assert "**no** |" in text


def test_what_bounds_a_figure_is_written_below_its_table_only_while_a_goal_is_missed() -> None:
    slow = Figure("start", "s", at_most(6), bounded_by="reading rows takes 5 s of 6.5 s (commit)")
    other = Figure("memory", "MB", at_most(1), bounded_by="objects")
    unexplained = Figure("names", "s", at_most(1))
    missed = [Taken(slow, [6.5]), Taken(other, [1]), Taken(other), Taken(unexplained, [2])]
    assert bounds(missed) == ["start: reading rows takes 5 s of 6.5 s (commit)"]
    assert bounds([Taken(slow, [6])]) == []
    text = markdown({"start": missed, "http": FIGURES["http"]}, [], {})
    below, _, rest = text.partition("\n## http\n")
    assert below.endswith(
        "|\n\nWhat bounds it:\n\n* start: reading rows takes 5 s of 6.5 s (commit)\n"
    )
    assert "bounds" not in rest
