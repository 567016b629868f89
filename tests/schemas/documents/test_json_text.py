"""JSON text: what is parsed, and what is refused with line and column."""

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.domain.errors import BadRequest
from app.schemas.documents.body_bounds import DEPTH_MAX, NODES_MAX
from app.schemas.documents.json_text import read_json, read_json_stream
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
        (f"[{'[],' * NODES_MAX}1]", f"more than {NODES_MAX} values"),
        ("[1] [2]", "line 1, column 5: Extra data"),
        ("{'a': 1}", "line 1, column 2"),
        ('["\t"]', "Invalid control character"),
        ("", "line 1, column 1: Expecting value"),
    ],
)
def test_line_column_and_problem_are_named(text: str, message: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read_json(text)

    assert message in refused.value.message


def test_nesting_up_to_the_bound_is_parsed() -> None:
    assert read_json("[" * DEPTH_MAX + "]" * DEPTH_MAX).duplicates == ()


def test_escaped_pairs_and_escaped_backslashes_are_text() -> None:
    assert read_json('"\\ud83d\\ude00 \\\\u0000"').value == "\N{GRINNING FACE} \\u0000"


def test_duplicate_keys_are_listed_by_path_in_the_order_of_the_text() -> None:
    text = '{"x": [{"a": 1, "a.b": 2, "a": 3, "a.b": 4}], "x": [{"c": 0, "c": 1, "c": 2}]}'

    assert read_json(text).duplicates == ("x", "x[0].a", "x[0][a.b]", "x[0].c")
    assert read_json('[{"a.b": 1, "a.b": 2}]').duplicates == ("[0][a.b]",)


@given(json_values)
def test_encoded_values_are_parsed_to_themselves(value: object) -> None:
    try:
        text = json.dumps(value, allow_nan=False)
    except ValueError:
        text = json.dumps(str(value))
        value = str(value)
    assert read_json(text).value == value


@given(st.lists(json_values, max_size=5), st.sampled_from(["", " ", "\n", "\r\n\t", "\ufeff"]))
def test_values_in_a_stream_are_parsed_as_each_alone(values: list[object], between: str) -> None:
    texts = [json.dumps(value) for value in values]
    assume(not any("Infinity" in text for text in texts))
    if between in ("", "\ufeff"):  # numbers and words would join
        texts = [f"[{text}]" for text in texts]
    read = [parsed.value for parsed in read_json_stream(between.join(texts))]
    assert read == [json.loads(text) for text in texts]


def test_deep_members_of_a_replaced_value_are_skipped() -> None:
    deep = DEPTH_MAX * '{"a":' + '{"b": 1, "b": 2}' + DEPTH_MAX * "}"
    assert read_json(f'{{"x": {deep}, "x": 1}}').duplicates == ("x",)


def test_duplicates_belong_to_their_own_value() -> None:
    text = '{"a": 1, "a": 2} {"b": 1} {"c": {"d": 1, "d": 1}}'
    assert [parsed.duplicates for parsed in read_json_stream(text)] == [("a",), (), ("c.d",)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"a": 1}\n{"b": 2}\n{"c"', "document 3, line 3, column 5: "),
        ('{"a": 1}}', "document 2, line 1, column 9: "),
        ('{"a": 1} {"b": NaN}', "document 2, NaN is no JSON number"),
        ('{"a": 1} {"b": 1e999}', "document 2, the number 1e999 is too large"),
        ('{"a": 1} "\\u0000"', "document 2, line 1, column 11: it holds a NUL"),
        ("1 " + "[" * (DEPTH_MAX + 1) + "]" * (DEPTH_MAX + 1), "document 2, it nests deeper"),
        ("{", "the JSON cannot be read: line 1, column 2: "),
        ("{}" * (NODES_MAX + 1), f"it holds more than {NODES_MAX} values"),
    ],
)
def test_the_invalid_value_is_numbered_from_the_second_on(text: str, problem: str) -> None:
    with pytest.raises(BadRequest) as refused:
        list(read_json_stream(text))
    assert problem in refused.value.message


def test_values_before_an_invalid_one_are_parsed() -> None:
    values = read_json_stream("1 2 }")
    assert [next(values).value, next(values).value] == [1, 2]
