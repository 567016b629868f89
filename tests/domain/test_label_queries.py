"""The grammar of ``labelSelector``: every vector, then the laws of parsing and formatting."""

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import BadRequest
from app.domain.label_queries import parse_selector
from app.domain.labels import Operator, Requirement, Selector
from tests.vector_matching import load_vectors

vectors = [v for v in load_vectors("selector.json") if v["kind"] == "labelSelectorString"]
readable = [vector for vector in vectors if vector["valid"]]
unreadable = [vector for vector in vectors if not vector["valid"]]


@pytest.mark.parametrize("vector", readable, ids=[v["name"] for v in readable])
def test_a_selector_is_parsed_as_the_vector_says(vector: dict[str, Any]) -> None:
    selector = parse_selector(vector["input"])

    assert [
        {"key": r.key, "operator": r.operator, "values": list(r.values)}
        for r in selector.requirements
    ] == vector["requirements"]
    assert str(selector) == vector["canonical"]
    for labels in vector["matches"]:
        assert selector.matches(labels)
    for labels in vector["doesNotMatch"]:
        assert not selector.matches(labels)


@pytest.mark.parametrize("vector", unreadable, ids=[v["name"] for v in unreadable])
def test_a_syntax_error_is_a_bad_request(vector: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        parse_selector(vector["input"])


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("x in (a,,b)", ("", "a", "b")),
        ("x in (,)", ("",)),
        ("x notin(in,notin)", ("in", "notin")),
        ("x in\t(\na\r)", ("a",)),
    ],
)
def test_sets_have_the_values_between_commas(text: str, values: tuple[str, ...]) -> None:
    (requirement,) = parse_selector(text).requirements
    assert requirement.values == values


@pytest.mark.parametrize(
    "text",
    ["x in (a", "x in (a b)", "x ! y", "x=,", "=a", "x>9223372036854775808"],
)
def test_incomplete_selectors_and_too_large_numbers_are_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        parse_selector(text)


def test_a_comparison_matches_numeric_labels_only() -> None:
    selector = parse_selector("replicas>3")
    assert selector.matches({"replicas": "10"})
    assert not selector.matches({"replicas": "3"})
    assert not selector.matches({"replicas": "many"})
    assert not selector.matches({})


def test_the_wanted_value_is_known_when_only_one_value_matches() -> None:
    selector = parse_selector("a=1,b in (2),c in (3,4),d!=5,e")
    assert [r.wanted_value for r in selector.requirements] == ["1", "2", None, None, None]


def requirements_of(
    keys: st.SearchStrategy[str], values: st.SearchStrategy[str]
) -> st.SearchStrategy[Requirement]:
    """Requirements of every operator, about these keys and values."""
    one, several = st.tuples(values), st.sets(values, min_size=1, max_size=3)
    operands: dict[Operator, st.SearchStrategy[tuple[str, ...]]] = {
        Operator.EXISTS: st.just(()),
        Operator.DOES_NOT_EXIST: st.just(()),
        Operator.IN: several.map(lambda drawn: tuple(sorted(drawn))),
        Operator.NOT_IN: several.map(lambda drawn: tuple(sorted(drawn))),
        Operator.EQUALS: one,
        Operator.DOUBLE_EQUALS: one,
        Operator.NOT_EQUALS: one,
        Operator.GREATER_THAN: st.integers(0, 99).map(lambda bound: (str(bound),)),
        Operator.LESS_THAN: st.integers(0, 99).map(lambda bound: (str(bound),)),
    }
    return st.one_of(
        *(
            st.builds(Requirement, key=keys, operator=st.just(operator), values=drawn)
            for operator, drawn in operands.items()
        )
    )


def selectors_of(
    requirements: st.SearchStrategy[Requirement],
) -> st.SearchStrategy[Selector]:
    return st.lists(requirements, max_size=4).map(
        lambda drawn: Selector(tuple(sorted(drawn, key=lambda r: r.key)))
    )


spellings = requirements_of(
    st.from_regex(r"[a-z]{1,3}(/[a-z]{1,3})?", fullmatch=True),
    st.from_regex(r"([a-z0-9]{1,3})?", fullmatch=True),
)
# Few, so that labels and requirements often have the same keys and values.
some_keys = st.sampled_from(["app", "tier", "a/b"])
some_values = st.sampled_from(["", "web", "db", "7", "50"])
requirements = requirements_of(some_keys, some_values)
selectors = selectors_of(requirements)
some_labels = st.dictionaries(some_keys, some_values)


@given(selectors_of(spellings))
def test_a_formatted_selector_is_parsed_again(selector: Selector) -> None:
    assert parse_selector(str(selector)) == selector


@given(selectors, requirements, some_labels)
def test_one_more_requirement_never_adds_a_match(
    selector: Selector, requirement: Requirement, labels: dict[str, str]
) -> None:
    narrower = Selector((*selector.requirements, requirement))
    assert selector.matches(labels) or not narrower.matches(labels)


@given(selectors, some_labels)
def test_the_order_of_requirements_is_irrelevant(
    selector: Selector, labels: dict[str, str]
) -> None:
    orders = permutations(selector.requirements)
    assert len({Selector(order).matches(labels) for order in orders}) == 1


@given(st.text(alphabet="ab=!(),<> \t\nin\0é-", max_size=20))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        selector = parse_selector(text)
    except BadRequest:
        return
    assert parse_selector(str(selector)) == selector
