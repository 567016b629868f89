"""Changes: their types, and when a watcher may resume."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.changes import (
    OBJECT_OCTETS,
    Change,
    ChangeType,
    octets_of,
    pieces_of,
    require_resumable,
)
from app.domain.errors import Expired
from app.domain.names import NamespacedName, Revision
from app.domain.snapshot import Snapshot
from tests.builders import a_node, a_service, an_endpoint, an_endpoint_slice
from tests.strategies import histories

BEFORE, AFTER = a_service(), a_service(labels={"team": "x"})
revisions = st.integers(0, 20).map(Revision)


@pytest.mark.parametrize(
    ("change", "type_"),
    [
        (Change(revision=Revision(1), before=None, after=AFTER), ChangeType.ADDED),
        (Change(revision=Revision(1), before=BEFORE, after=AFTER), ChangeType.MODIFIED),
        (Change(revision=Revision(1), before=BEFORE, after=None), ChangeType.DELETED),
    ],
)
def test_the_type_of_a_change_follows_from_its_sides(change: Change, type_: ChangeType) -> None:
    assert change.type == type_
    assert change.kind == "Service"
    assert change.key == NamespacedName("default", "web")


def test_the_object_of_a_deletion_is_the_last_state() -> None:
    assert Change(revision=Revision(1), before=BEFORE, after=None).object is BEFORE
    assert Change(revision=Revision(1), before=BEFORE, after=AFTER).object is AFTER


def test_a_cluster_scoped_object_has_a_key_without_a_namespace() -> None:
    assert str(Change(revision=Revision(1), before=None, after=a_node("n1")).key) == "n1"


def test_a_watch_resumes_from_the_oldest_kept_revision_and_none_before_it() -> None:
    require_resumable(Revision(7), compacted=Revision(7))
    with pytest.raises(Expired, match=r"too old resource version: 6 \(7 is the oldest"):
        require_resumable(Revision(6), compacted=Revision(7))


@given(revisions, revisions)
def test_a_compacted_revision_is_always_refused(since: Revision, compacted: Revision) -> None:
    if since >= compacted:
        require_resumable(since, compacted=compacted)
    else:
        with pytest.raises(Expired, match="too old"):
            require_resumable(since, compacted=compacted)


@given(histories())
def test_resuming_anywhere_neither_repeats_nor_skips(history: list[Change]) -> None:
    for seen in {change.revision for change in history}:
        missed = [change for change in history if change.revision > seen]
        sent = [change for change in history if change.revision <= seen]

        assert sent + missed == history
        assert Snapshot().apply(sent).apply(missed) == Snapshot().apply(history)


def a_change(size: int) -> Change:
    service = a_service("s", annotations={"a": "b" * size})
    return Change(revision=Revision(1), before=None, after=service)


changes = st.lists(st.integers(0, 5_000).map(a_change), max_size=30)


def weight(piece: tuple[Change, ...]) -> int:
    return sum(octets_of(change.before) + octets_of(change.after) for change in piece)


@given(changes, st.integers(1, 20_000))
def test_pieces_are_all_changes_in_order(every: list[Change], octets_max: int) -> None:
    pieces = list(pieces_of(every, octets_max))
    assert [change for piece in pieces for change in piece] == every


@given(changes, st.integers(1, 20_000))
def test_a_piece_is_light_unless_it_is_one_change(every: list[Change], octets_max: int) -> None:
    pieces = list(pieces_of(every, octets_max))
    assert all(len(piece) == 1 or weight(piece) <= octets_max for piece in pieces)


@given(changes, st.integers(1, 20_000))
def test_no_two_neighbours_would_fit_in_one_piece(every: list[Change], octets_max: int) -> None:
    pieces = list(pieces_of(every, octets_max))
    for first, second in pairwise(pieces):
        assert weight((*first, second[0])) > octets_max


def test_the_parts_that_make_objects_large_are_counted() -> None:
    small = octets_of(a_service())
    assert octets_of(None) == 0 < OBJECT_OCTETS <= small
    assert octets_of(a_service(annotations={"a": "x" * 10_000})) >= small + 10_000
    few, many = (
        octets_of(an_endpoint_slice(endpoints=(an_endpoint(),) * count)) for count in (1, 100)
    )
    assert many > 10 * few
