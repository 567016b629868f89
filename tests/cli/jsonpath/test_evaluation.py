"""Templates find and print what kubectl prints; recorded from kubectl 1.33."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli.jsonpath.evaluation import found_in, values_of
from app.cli.jsonpath.nodes import JSONPathError
from app.cli.jsonpath.parsing import TEMPLATE_LENGTH_MAX, parse_path, parse_template
from app.cli.jsonpath.text import go_text, json_of, text_of

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "kubectl_jsonpath.json").read_text())
NAMES = st.text("abcxyz-", min_size=1, max_size=5)
SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
DOCUMENTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4)
)


def printed(template: str, document: object) -> str:
    return text_of(found_in(parse_template(template), document))


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["template"])
def test_a_template_prints_what_kubectl_prints(case: dict[str, str]) -> None:
    if "error" in case:
        with pytest.raises(JSONPathError):
            printed(case["template"], VECTORS["object"])
    else:
        assert printed(case["template"], VECTORS["object"]) == case["printed"]


@given(st.lists(NAMES, min_size=1, max_size=4), DOCUMENTS)
def test_a_path_finds_the_value_that_walking_finds(steps: list[str], value: object) -> None:
    document = value
    for step in reversed(steps):
        document = {step: document}
    path = "".join(f".{step}" for step in steps)
    assert values_of(parse_path(path), document) == [value]
    assert values_of(parse_path(f"{{{path}}}"), document) == [value]
    assert values_of(parse_template(f"{{{path}.none}}"), {}) == []


@given(st.lists(st.integers(), max_size=6), st.integers(-8, 8), st.integers(-8, 8))
def test_a_slice_is_that_of_a_list_or_an_error(elements: list[int], start: int, stop: int) -> None:
    length = len(elements)
    begin, end = (each + length if each < 0 else each for each in (start, stop))
    template = parse_template(f"{{.a[{start}:{stop}]}}")
    if begin == end or 0 <= begin < end <= length:
        assert values_of(template, {"a": elements}) == elements[begin:end]
    else:
        with pytest.raises(JSONPathError):
            values_of(template, {"a": elements})


@given(st.lists(DOCUMENTS, max_size=5))
def test_a_loop_is_its_body_for_each_element(elements: list[object]) -> None:
    document = {"items": elements}
    looped = printed('{range .items[*]}{@}{"\\n"}{end}', document)
    assert looped == "".join(text_of([[each]]) + "\n" for each in elements)
    assert found_in(parse_template("{.items[*]}"), document) == [elements]


@given(st.text(max_size=40), DOCUMENTS)
def test_any_text_is_a_template_or_refused(text: str, document: object) -> None:
    for parse in (parse_template, parse_path):
        try:
            found_in(parse(text), document)
        except JSONPathError:
            continue


@given(DOCUMENTS)
def test_what_is_printed_as_json_is_the_value(value: object) -> None:
    assert json.loads(json_of([[value]])) == [value]
    assert json.loads(text_of([[[value]]])) == [value]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "<nil>"),
        (True, "true"),
        (1.0, "1"),
        (1.5, "1.5"),
        (1e21, "1e+21"),
        (0.00001, "1e-05"),
        ({"b": [1, None], "a": {}}, "map[a:map[] b:[1 <nil>]]"),
    ],
)
def test_values_in_columns_are_written_as_go_writes_them(value: object, text: str) -> None:
    assert go_text(value) == text


def test_templates_are_bounded() -> None:
    with pytest.raises(JSONPathError, match="longer"):
        parse_template("x" * (TEMPLATE_LENGTH_MAX + 1))
