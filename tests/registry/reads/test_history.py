"""The history is bounded, has complete revisions, and no gaps."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.changes import Change
from app.domain.errors import Expired
from app.domain.names import Revision
from app.registry.reads.history import History, HistoryBounds, remembered
from tests.builders import a_pod, a_service

sizes = st.lists(st.integers(1, 5), min_size=1, max_size=12)


def changed(revision: int, count: int, *, octets: int = 0) -> list[Change]:
    """Make so many changes of one revision, each of which replaces an object of that size."""
    before = a_service(annotations={"a": "x" * octets})
    return [Change(revision=Revision(revision), before=before, after=a_pod())] * count


def revisions(changes: Sequence[Change]) -> list[int]:
    return [change.revision for change in changes]


@given(sizes, st.integers(1, 20), st.integers(1, 14))
def test_a_list_of_changes_has_no_gap_or_is_expired(
    counts: list[int], changes_max: int, since: int
) -> None:
    history = History(HistoryBounds(changes_max=changes_max))
    history.begin([], compacted=Revision(0))
    everything: list[Change] = []
    for revision, count in enumerate(counts, start=1):
        everything += changed(revision, count)
        history.add(changed(revision, count))
    wanted = [change for change in everything if change.revision > since]
    if since < history.compacted:
        with pytest.raises(Expired):
            history.after(Revision(since))
    else:
        assert revisions(history.after(Revision(since))) == revisions(wanted)
    kept = history.after(history.compacted)
    assert len(kept) <= max(changes_max, counts[-1])


@given(sizes, st.integers(1, 10), st.integers(0, 12))
def test_a_bounded_list_has_the_first_changes_in_complete_revisions(
    counts: list[int], changes_max: int, since: int
) -> None:
    history = History()
    history.begin([], compacted=Revision(0))
    for revision, count in enumerate(counts, start=1):
        history.add(changed(revision, count))
    everything = history.after(Revision(since))
    few = history.after(Revision(since), changes_max=changes_max)
    assert few == everything[: len(few)]
    assert history.count_after(Revision(since)) == len(everything)
    if len(few) < len(everything):
        assert everything[len(few)].revision > few[-1].revision
        assert len(few) >= changes_max > len(few) - counts[few[-1].revision - 1]


def test_changes_are_counted_after_some_have_been_dropped() -> None:
    history = History(HistoryBounds(changes_max=5))
    history.begin([], compacted=Revision(0))
    for revision in range(1, 10):
        history.add(changed(revision, 2))
    assert history.count_after(history.compacted) == len(history.after(history.compacted)) == 4
    with pytest.raises(Expired):
        history.count_after(Revision(history.compacted - 1))


def test_the_newest_revision_is_kept_whatever_its_size() -> None:
    history = History(HistoryBounds(changes_max=2, octets_max=10))
    history.begin(remembered(changed(1, 1)), compacted=Revision(0))
    history.add(changed(2, 50))
    assert len(history.after(Revision(1))) == 50
    assert history.compacted == 1


def test_large_objects_leave_room_for_fewer_revisions() -> None:
    history = History(HistoryBounds(octets_max=10 * 250_000))
    history.begin([], compacted=Revision(0))
    for revision in range(1, 101):
        history.add(changed(revision, 1, octets=250_000))
    assert 5 <= len(history.after(history.compacted)) <= 10


def test_old_revisions_are_dropped_with_the_next_change() -> None:
    now_s = [0.0]
    history = History(HistoryBounds(age_s_max=60), clock=lambda: now_s[0])
    history.begin([], compacted=Revision(0))
    for revision, at_s in enumerate((0.0, 30.0, 61.0, 95.0), start=1):
        now_s[0] = at_s
        history.add(changed(revision, 1))
    assert revisions(history.after(history.compacted)) == [3, 4]
