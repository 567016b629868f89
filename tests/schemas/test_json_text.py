"""JSON text: what is read, what is refused and where it stands."""

import json

import pytest
from hypothesis import given

from app.domain.errors import BadRequest
from app.schemas.json_text import DEPTH_MAX, NODES_MAX, read_json
from tests.schemas.wire_strategies import json_values


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1,\n "b" 2}', "line 2, column 6: Expecting ':' delimiter"),
        ("[1, NaN]", "NaN is no JSON number"),
        ("[-Infinity]", "-Infinity is no JSON number"),
        ("[1e999]", "1e999 is too large"),
        (f'{{"a":\n  {"9" * 5000}}}', "line 2, column 3: the number is too long"),
        ('{\n"a": "\\ud800"}', "line 2, column 7: it holds a NUL character or half a surrogate"),
        ('{"\\u0000": 1}', "line 1, column 3: it holds a NUL character"),
        ("[" * (DEPTH_MAX + 1) + "]" * (DEPTH_MAX + 1), f"deeper than {DEPTH_MAX} levels"),
        ("[" * 100_000, "levels"),
        (f"[{'[],' * NODES_MAX}1]", f"more than {NODES_MAX} containers"),
        ("[1] [2]", "line 1, column 5: Extra data"),
        ("{'a': 1}", "line 1, column 2"),
        ('["\t"]', "Invalid control character"),
        ("", "line 1, column 1: Expecting value"),
    ],
)
def test_the_place_and_the_problem_are_named(text: str, message: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read_json(text)

    assert message in refused.value.message


def test_nesting_up_to_the_bound_is_read() -> None:
    assert read_json("[" * DEPTH_MAX + "]" * DEPTH_MAX).duplicates == ()


def test_escaped_pairs_and_escaped_backslashes_are_text() -> None:
    assert read_json('"\\ud83d\\ude00 \\\\u0000"').value == "\N{GRINNING FACE} \\u0000"


def test_repeated_keys_are_named_by_path_in_the_order_of_the_text() -> None:
    text = '{"x": [{"a": 1, "a.b": 2, "a": 3, "a.b": 4}], "x": [{"c": 0, "c": 1, "c": 2}]}'

    assert read_json(text).duplicates == ("x", "x[0].c")
    assert read_json('[{"a.b": 1, "a.b": 2}]').duplicates == ("[0][a.b]",)


@given(json_values)
def test_what_a_json_writer_writes_is_read_back(value: object) -> None:
    try:
        text = json.dumps(value, allow_nan=False)
    except ValueError:
        text = json.dumps(str(value))
        value = str(value)
    assert read_json(text).value == value
