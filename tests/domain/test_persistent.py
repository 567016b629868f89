"""The persistent mapping, compared with a plain dict."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.persistent import PMap


class Key(NamedTuple):
    """A key of which many share a hash."""

    number: int

    def __hash__(self) -> int:
        return self.number % 3


keys = st.one_of(st.integers(0, 400), st.builds(Key, st.integers(0, 200)))
steps = st.lists(st.tuples(st.booleans(), keys, st.integers()), max_size=150)


def built(history: list[tuple[bool, object, int]]) -> tuple[PMap[object, int], dict[object, int]]:
    """The mapping and its oracle after a history of settings and removals."""
    mapping, oracle = PMap[object, int](), dict[object, int]()
    for is_set, key, value in history:
        mapping = mapping.set(key, value) if is_set else mapping.remove(key)
        if is_set:
            oracle[key] = value
        else:
            oracle.pop(key, None)
    return mapping, oracle


@given(steps)
def test_it_has_the_entries_that_a_dict_would_have(history: list[tuple[bool, object, int]]) -> None:
    mapping, oracle = built(history)
    assert dict(mapping) == oracle
    assert len(mapping) == len(oracle)
    every = [*oracle, *range(-1, 5), *map(Key, range(5)), "other"]
    assert [key in mapping for key in every] == [key in oracle for key in every]


@given(steps)
def test_a_mapping_built_at_once_equals_one_built_step_by_step(
    history: list[tuple[bool, object, int]],
) -> None:
    mapping, oracle = built(history)
    assert PMap(oracle) == mapping


@given(steps, keys)
def test_a_change_does_not_alter_the_previous_version(
    history: list[tuple[bool, object, int]], key: object
) -> None:
    mapping, oracle = built(history)
    mapping.set(key, -1)
    mapping.remove(key)
    assert dict(mapping) == oracle


def test_a_large_mapping_splits_and_still_finds_everything() -> None:
    mapping = PMap[int, int]()
    for number in range(5_000):
        mapping = mapping.set(number, -number)
    assert len(mapping) == 5_000
    assert mapping[4_999] == mapping.get(4_999) == -4_999
    for number in range(0, 5_000, 2):
        mapping = mapping.remove(number)
    assert sorted(mapping) == list(range(1, 5_000, 2))


def test_a_missing_key_is_a_key_error_and_its_removal_changes_nothing() -> None:
    mapping = PMap({"a": 1})
    with pytest.raises(KeyError):
        mapping["b"]
    assert mapping.remove("b") is mapping
    assert mapping.get("b") is None


@pytest.mark.parametrize("count", [0, 1, 40, 1_000])
def test_keys_come_with_their_values_in_the_order_of_the_keys(count: int) -> None:
    mapping = PMap({number: -number for number in range(count)})
    assert list(mapping.entries()) == [(key, mapping[key]) for key in mapping]
    assert dict(mapping.entries()) == {number: -number for number in range(count)}


def test_keys_with_equal_hashes_are_all_kept() -> None:
    mapping = PMap({Key(3 * number): number for number in range(200)})
    assert mapping.set(Key(600), 200)[Key(597)] == 199
    assert len(mapping.remove(Key(0))) == 199


def test_large_versions_differ_by_the_keys_set_and_removed_between_them() -> None:
    before = PMap({number: object() for number in range(5_000)})
    after = before.set(7, object()).set(5_001, object()).remove(4_000)
    assert set(before.differences(after)) == {7, 5_001, 4_000}
    assert not list(before.differences(before.set(7, before[7])))


def test_a_mapping_that_grew_large_differs_by_all_new_keys() -> None:
    few = PMap({number: object() for number in range(10)})
    many = few
    for number in range(10, 1_000):
        many = many.set(number, object())
    assert set(few.differences(many)) == set(many.differences(few)) == set(range(10, 1_000))


@given(steps, steps)
def test_two_versions_differ_where_their_values_are_not_the_same(
    history: list[tuple[bool, object, int]], more: list[tuple[bool, object, int]]
) -> None:
    before, old = built(history)
    after, new = before, dict(old)
    for is_set, key, value in more:
        after = after.set(key, value) if is_set else after.remove(key)
        if is_set:
            new[key] = value
        else:
            new.pop(key, None)
    missing = object()
    wanted = {
        key for key in old.keys() | new.keys() if old.get(key, missing) is not new.get(key, missing)
    }
    found = list(before.differences(after))
    assert len(found) == len(set(found))
    assert set(found) == wanted


@given(steps, keys)
def test_an_absent_key_gives_the_default(
    history: list[tuple[bool, object, int]], key: object
) -> None:
    mapping, oracle = built(history)
    assert mapping.get(key, -1) == oracle.get(key, -1)
    assert mapping.get(key) == oracle.get(key)
