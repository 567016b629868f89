"""Objects are in the order of a field, in which numbers count as numbers."""

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli.fields import Json, at
from app.cli.printing.sorting import in_order, natural


def named(*names: object) -> list[Json]:
    return [{"metadata": {"name": name}} for name in names]


def names_in_order(*names: object) -> list[object]:
    ordered = in_order(".metadata.name", named(*names))
    return [at(each, "metadata", "name") for each in ordered]


def test_numbers_in_names_count_as_numbers() -> None:
    assert names_in_order("ent-10", "ent-2", "ent", "a", "ent-02") == [
        "a", "ent", "ent-2", "ent-02", "ent-10",
    ]  # fmt: skip


def test_numbers_are_in_their_order_and_missing_fields_first() -> None:
    assert names_in_order(10, 9.5, -1) == [-1, 9.5, 10]
    objects: list[Json] = [{"a": 1}, {}, {"a": 0}]
    assert in_order("{.a}", objects) == [{}, {"a": 0}, {"a": 1}]


@given(st.lists(st.text("ab01.-", max_size=6) | st.integers()))
def test_the_order_is_total_stable_and_loses_nothing(names: list[object]) -> None:
    ordered = names_in_order(*names)
    assert sorted(map(repr, ordered)) == sorted(map(repr, names))
    assert names_in_order(*ordered) == ordered
    assert names_in_order(*reversed(names)) == ordered or len(set(names)) < len(names)


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_names_with_numbers_are_in_the_order_of_the_numbers(one: int, other: int) -> None:
    assert (natural(f"ent-{one}") < natural(f"ent-{other}")) == (one < other)


@pytest.mark.parametrize(("path", "words"), [(".nope", "couldn't find"), ("{", "unexpected path")])
def test_a_path_that_no_object_has_is_refused(path: str, words: str) -> None:
    with pytest.raises(click.BadParameter, match=words):
        in_order(path, named("ent"))


def test_a_list_or_an_object_has_no_order() -> None:
    with pytest.raises(click.BadParameter, match="list or an object"):
        in_order(".metadata", named("ent"))
    assert in_order(".nope", []) == []
