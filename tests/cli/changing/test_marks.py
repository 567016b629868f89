"""Words that set and remove labels are kubectl's."""

import click
import pytest

from app.cli.changing.marks import LABELS, Marks, marks_of


def test_words_of_objects_come_before_changes() -> None:
    words, marks = marks_of(["svc", "ent", "app=x", "note=a=b", "tier-", "empty="], LABELS)
    assert words == ("svc", "ent")
    assert marks == Marks({"app": "x", "note": "a=b", "empty": ""}, ["tier"])


def test_without_changes_there_is_nothing() -> None:
    words, marks = marks_of(["svc/ent", "-"], LABELS)
    assert (words, bool(marks)) == (("svc/ent", "-"), False)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["svc", "a=b", "ent"], "all resources must be specified before label changes: ent"),
        (["svc", "ent", "a=b", "a-"], "can not both modify and remove a label"),
    ],
)
def test_impossible_words_are_refused(words: list[str], problem: str) -> None:
    with pytest.raises(click.BadParameter) as caught:
        marks_of(words, LABELS)
    assert problem in caught.value.message


def test_only_what_differs_is_changed() -> None:
    marks = Marks({"a": "1", "b": "2"}, ["c", "d"])
    assert marks.changes({"a": "1", "b": "1", "c": "3"}) == {"b": "2", "c": None}
    assert marks.taken({"a": "1", "b": "1"}) == ["'b' already has a value (1)"]
