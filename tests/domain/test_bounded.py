"""A mapping with a bounded number of entries: which are dropped, and which are kept."""

from hypothesis import given
from hypothesis import strategies as st

from app.domain.bounded import Bounded

numbers = st.lists(st.integers(0, 9), max_size=40)


def test_the_entry_set_longest_ago_is_dropped() -> None:
    kept: Bounded[str, int] = Bounded(2)
    for place, key in enumerate("abac"):
        kept[key] = place
    assert list(kept.items()) == [("a", 2), ("c", 3)]


@given(st.integers(1, 5), numbers)
def test_the_latest_keys_are_kept_and_no_more_than_the_bound(most: int, keys: list[int]) -> None:
    kept: Bounded[int, int] = Bounded(most)
    for place, key in enumerate(keys):
        kept[key] = place
        assert len(kept) <= most
    latest = sorted({key: place for place, key in enumerate(keys)}.items(), key=lambda at: at[1])
    assert list(kept.items()) == latest[-most:]


@given(st.integers(1, 5), numbers)
def test_other_ways_to_set_entries_keep_to_the_bound(most: int, keys: list[int]) -> None:
    kept: Bounded[int, int] = Bounded(most)
    for key in keys:
        kept.setdefault(key, -key)
    kept.update({key: key for key in keys})
    assert len(kept) <= most
