"""Columns that the user names, one for each path."""

from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli.fields import Json
from app.cli.printing.custom_columns import COLUMNS_MAX, custom_sheet
from app.cli.printing.forms import form_of

ENT: Json = {
    "metadata": {"name": "ent", "labels": {"b": "1", "a": "2"}},
    "spec": {"ports": [{"port": 80}, {"port": 443}], "weight": None, "on": True},
}


def test_a_cell_is_written_as_kubectl_writes_it() -> None:
    form = form_of(
        "custom-columns=NAME:.metadata.name,PORTS:{.spec.ports[*].port},NONE:.nope,"
        "MAP:.metadata.labels,NULL:spec.weight,ON:.spec.on"
    )
    assert custom_sheet(form, [ENT]).headings == ("NAME", "PORTS", "NONE", "MAP", "NULL", "ON")
    assert custom_sheet(form, [ENT]).rows == (
        ("ent", "80,443", "<none>", "map[a:2 b:1]", "<nil>", "true"),
    )


@given(st.lists(st.text("ABC", min_size=1), min_size=1, max_size=8), st.integers(0, 4))
def test_there_is_a_column_for_each_heading_and_a_row_for_each_object(
    headings: list[str], count: int
) -> None:
    form = form_of("custom-columns=" + ",".join(f"{each}:.metadata.name" for each in headings))
    made = custom_sheet(form, [ENT] * count)
    assert made.headings == tuple(headings)
    assert made.rows == (("ent",) * len(headings),) * count


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("NAME", "expected <header>:<json-path-expr>"),
        ("NAME:", "expected <header>:<json-path-expr>"),
        ("NAME:.a[", "unterminated array"),
        (",".join(["A:.a"] * (COLUMNS_MAX + 1)), "more than"),
    ],
)
def test_what_is_no_column_is_refused(spec: str, words: str) -> None:
    with pytest.raises(click.BadParameter, match=words):
        custom_sheet(form_of(f"custom-columns={spec}"), [ENT])


def test_a_file_has_headings_above_paths(tmp_path: Path) -> None:
    file = tmp_path / "columns"
    file.write_text("NAME   PORT\n.metadata.name .spec.ports[0].port\n")
    assert custom_sheet(form_of(f"custom-columns-file={file}"), [ENT]).rows == (("ent", "80"),)
    for text in ("NAME\n", "NAME PORT\n.metadata.name\n", "\n\n"):
        file.write_text(text)
        with pytest.raises(click.BadParameter):
            custom_sheet(form_of(f"custom-columns-file={file}"), [ENT])
