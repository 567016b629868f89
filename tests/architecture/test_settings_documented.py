"""Every setting is in the README, with its default and its meaning, just as the code has it.

``python tests/architecture/test_settings_documented.py`` writes the table anew.
"""

import json
from enum import Enum
from pathlib import Path

from app.config import Settings

README = Path(__file__).parents[2] / "README.md"
OPERATIONS = README.parent / "docs" / "operations.md"
BEGIN, END = "<!-- settings -->\n", "<!-- /settings -->"


def test_the_table_of_settings_in_the_readme_is_the_one_in_the_code() -> None:
    assert table_in(README.read_text()) == settings_table(), f"run python {Path(__file__).name}"


def test_every_setting_says_what_it_is_for() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_every_setting_that_is_a_bound_is_among_the_bounds() -> None:
    bounds = [name for name in Settings.model_fields if name.endswith(("_max", "_bytes", "_limit"))]
    assert len(bounds) > 5
    text = OPERATIONS.read_text()
    assert [name for name in bounds if f"`WAYPOST_{name.upper()}`" not in text] == []


def table_in(text: str) -> str:
    _, begin, rest = text.partition(BEGIN)
    table, end, _ = rest.partition(END)
    assert begin, f"the README has no {BEGIN.strip()}"
    assert end, f"the README has no {END}"
    return table.strip()


def settings_table() -> str:
    rows = [
        f"| `WAYPOST_{name.upper()}` | {written(field.default)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(["| variable | default | what it is |", "|---|---|---|", *rows])


def written(default: object) -> str:
    """Write a default as it would stand in the environment."""
    match default:
        case tuple():
            text = ",".join(str(part) for part in default)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  a tuple of whatever
        case bool():
            text = json.dumps(default)
        case Enum():
            text = str(default.value)
        case _:
            text = str(default)
    return f"`{text}`" if text else ""


if __name__ == "__main__":
    current = README.read_text()
    README.write_text(current.replace(table_in(current), settings_table()))
