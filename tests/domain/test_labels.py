"""Labels: validation of keys and values, and the selectors of objects."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.labels import (
    LabelSelector,
    Operator,
    Requirement,
    Selector,
    expression_violations,
    key_problems,
    selects,
    value_problems,
)
from app.domain.registration.validation.metadata import label_violations
from tests.vector_matching import load_vectors

vectors = load_vectors("selector.json")
objects = [vector for vector in vectors if vector["kind"] == "labelSelectorObject"]
maps = [vector for vector in vectors if vector["kind"] == "serviceSelector"]

labels = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xyz"), max_size=3)
expressions = st.lists(
    st.builds(
        Requirement,
        key=st.sampled_from("abc"),
        operator=st.sampled_from([Operator.IN, Operator.NOT_IN]),
        values=st.sets(st.sampled_from("xyz"), min_size=1).map(tuple),
    ),
    max_size=2,
).map(tuple)


def expressions_of(document: Mapping[str, Any]) -> tuple[Requirement, ...]:
    """The ``matchExpressions`` of a selector object."""
    return tuple(
        Requirement(key=e["key"], operator=e["operator"], values=tuple(e.get("values", ())))
        for e in document.get("matchExpressions", ())
    )


@pytest.mark.parametrize("vector", objects, ids=[v["name"] for v in objects])
def test_a_selector_object_is_as_the_vector_says(vector: dict[str, Any]) -> None:
    document: dict[str, Any] = vector["input"] or {}
    match_labels: dict[str, str] = document.get("matchLabels", {})
    found = (
        *label_violations("matchLabels", match_labels),
        *expression_violations("matchExpressions", expressions_of(document)),
    )
    assert Counter((v.field, str(v.reason)) for v in found) == Counter(
        (error["field"], error["reason"]) for error in vector.get("errors", ())
    )
    equal = (
        Requirement(key=key, operator=Operator.EQUALS, values=(value,))
        for key, value in match_labels.items()
    )
    selector = Selector((*equal, *expressions_of(document)))
    written = LabelSelector(match_labels=match_labels, match_expressions=expressions_of(document))
    for wanted in vector["matches"]:
        assert selector.matches(wanted)
        assert written.matches(wanted)
    if vector["input"] is not None:  # its owner tells an absent selector apart
        for unwanted in vector["doesNotMatch"]:
            assert not selector.matches(unwanted)
            assert not written.matches(unwanted)


@pytest.mark.parametrize("vector", maps, ids=[v["name"] for v in maps])
def test_a_service_selector_is_as_the_vector_says(vector: dict[str, Any]) -> None:
    assert not label_violations("spec.selector", vector["input"])
    assert all(selects(vector["input"], (), wanted) for wanted in vector["matches"])
    assert not any(selects(vector["input"], (), unwanted) for unwanted in vector["doesNotMatch"])


@pytest.mark.parametrize(
    "key", ["app", "a", "A.b_c-9", "example.com/app", "0.1.2.domain/99", "k" * 63]
)
def test_a_label_key_is_accepted(key: str) -> None:
    assert key_problems(key) == ()


@pytest.mark.parametrize(
    ("key", "count"),
    [
        ("", 2),  # empty, and no characters of the alphabet
        ("-a", 1),
        ("k" * 64, 1),
        ("-" * 64, 2),
        ("/a", 1),
        ("Example.com/a", 1),
        ("a/b/c", 1),
        ("a/b/-", 1),
        ("a b", 1),
        ("a\n", 1),
        ("x" * 254 + "/a", 1),
    ],
)
def test_a_bad_label_key_is_refused_once_for_each_rule(key: str, count: int) -> None:
    assert len(key_problems(key)) == count


@pytest.mark.parametrize(
    ("value", "count"), [("", 0), ("v" * 63, 0), ("v" * 64, 1), ("-a", 1), ("a b", 1), ("a\n", 1)]
)
def test_a_label_value_has_at_most_63_characters_of_the_alphabet(value: str, count: int) -> None:
    assert len(value_problems(value)) == count


@pytest.mark.parametrize(
    ("expression", "field"),
    [
        (Requirement(key="a", operator="In"), "x[0].values"),
        (Requirement(key="a", operator="NotIn"), "x[0].values"),
        (Requirement(key="a", operator="DoesNotExist", values=("b",)), "x[0].values"),
        (Requirement(key="a", operator="Gt", values=("1",)), "x[0].operator"),
        (Requirement(key="a", operator="", values=()), "x[0].operator"),
        (Requirement(key="", operator="Exists"), "x[0].key"),
    ],
)
def test_a_bad_expression_is_refused_with_its_field(expression: Requirement, field: str) -> None:
    assert {violation.field for violation in expression_violations("x", [expression])} == {field}


@given(labels)
def test_an_absent_selector_matches_nothing(present: dict[str, str]) -> None:
    assert not selects(None, (), present)
    assert not selects({}, (), present)


@given(labels, expressions, labels, st.sampled_from("abc"), st.sampled_from("xyz"))
def test_one_more_pair_never_adds_a_match(
    selector: dict[str, str],
    more: tuple[Requirement, ...],
    present: dict[str, str],
    key: str,
    value: str,
) -> None:
    if (selector or more) and selects({**selector, key: value}, more, present):
        assert key in selector or selects(selector, more, present)


@given(expressions, labels)
def test_expressions_alone_are_a_selector(
    wanted: tuple[Requirement, ...], present: dict[str, str]
) -> None:
    assert selects(None, wanted, present) == (bool(wanted) and Selector(wanted).matches(present))
