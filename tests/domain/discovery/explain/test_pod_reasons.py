"""The distance of two words: examples, and the laws of a distance."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.discovery.explain.pod_reasons import distance, similar_word

words = st.text("abcW-", max_size=8)


@pytest.mark.parametrize(
    ("word", "other", "letters"),
    [
        ("web", "web", 0),
        ("web", "WEB", 0),
        ("web", "wbe", 1),
        ("web", "ewb", 1),
        ("web", "wb", 1),
        ("web", "weeb", 1),
        ("web", "db", 2),
        ("web", "bew", 2),
        ("", "web", 3),
        ("frontend", "forntned", 2),
    ],
)
def test_swapped_adjacent_letters_are_one_error(word: str, other: str, letters: int) -> None:
    assert distance(word, other) == letters


@given(words, words)
def test_a_distance_is_the_same_in_both_directions(word: str, other: str) -> None:
    assert distance(word, other) == distance(other, word)
    assert (distance(word, other) == 0) == (word.lower() == other.lower())


@given(words, words)
def test_a_distance_lies_between_the_difference_and_the_whole_of_the_lengths(
    word: str, other: str
) -> None:
    assert abs(len(word) - len(other)) <= distance(word, other) <= max(len(word), len(other))


def test_short_words_are_similar_to_none() -> None:
    assert similar_word("app", ["apo", "tier"]) == "apo"
    assert similar_word("ap", ["app"]) is None
