"""The grammar of ``labelSelector``: every vector, then the laws of reading and writing."""

from random import Random
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
def test_a_selector_is_read_as_the_vector_says(vector: dict[str, Any]) -> None:
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
def test_text_outside_the_grammar_is_a_bad_request(vector: dict[str, Any]) -> None:
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
def test_sets_hold_what_stands_between_commas(text: str, values: tuple[str, ...]) -> None:
    (requirement,) = parse_selector(text).requirements
    assert requirement.values == values


@pytest.mark.parametrize(
    "text",
    ["x in (a", "x in (a b)", "x ! y", "x=,", "=a", "x>9223372036854775808"],
)
def test_what_breaks_off_or_overflows_is_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        parse_selector(text)


def test_a_comparison_takes_labels_that_are_numbers_only() -> None:
    selector = parse_selector("replicas>3")
    assert selector.matches({"replicas": "10"})
    assert not selector.matches({"replicas": "3"})
    assert not selector.matches({"replicas": "many"})
    assert not selector.matches({})


def test_the_wanted_value_is_known_where_there_is_no_choice() -> None:
    selector = parse_selector("a=1,b in (2),c in (3,4),d!=5,e")
    assert [r.wanted_value for r in selector.requirements] == ["1", "2", None, None, None]


keys = st.from_regex(r"[a-z]{1,3}(/[a-z]{1,3})?", fullmatch=True)
values = st.from_regex(r"([a-z0-9]{1,3})?", fullmatch=True)
requirements = st.one_of(
    st.builds(
        Requirement,
        key=keys,
        operator=st.sampled_from([Operator.EXISTS, Operator.DOES_NOT_EXIST]),
    ),
    st.builds(
        Requirement,
        key=keys,
        operator=st.sampled_from([Operator.IN, Operator.NOT_IN]),
        values=st.sets(values, min_size=1, max_size=3).map(lambda v: tuple(sorted(v))),
    ),
    st.builds(
        Requirement,
        key=keys,
        operator=st.sampled_from([Operator.EQUALS, Operator.DOUBLE_EQUALS, Operator.NOT_EQUALS]),
        values=values.map(lambda value: (value,)),
    ),
    st.builds(
        Requirement,
        key=keys,
        operator=st.sampled_from([Operator.GREATER_THAN, Operator.LESS_THAN]),
        values=st.integers(0, 99).map(lambda bound: (str(bound),)),
    ),
)
selectors = st.lists(requirements, max_size=4).map(
    lambda drawn: Selector(tuple(sorted(drawn, key=lambda r: r.key)))
)


@given(selectors)
def test_what_is_written_is_read_again(selector: Selector) -> None:
    assert parse_selector(str(selector)) == selector


@given(selectors, requirements, st.dictionaries(keys, values, max_size=4))
def test_one_more_requirement_never_adds_a_match(
    selector: Selector, requirement: Requirement, labels: dict[str, str]
) -> None:
    narrower = Selector((*selector.requirements, requirement))
    assert selector.matches(labels) or not narrower.matches(labels)


@given(selectors, st.randoms(use_true_random=False), st.dictionaries(keys, values, max_size=4))
def test_the_order_of_requirements_is_irrelevant(
    selector: Selector, chance: Random, labels: dict[str, str]
) -> None:
    shuffled = list(selector.requirements)
    chance.shuffle(shuffled)
    assert Selector(tuple(shuffled)).matches(labels) == selector.matches(labels)


@given(st.text(alphabet="ab=!(),<> \t\nin\0é-", max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        selector = parse_selector(text)
    except BadRequest:
        return
    assert parse_selector(str(selector)) == selector
