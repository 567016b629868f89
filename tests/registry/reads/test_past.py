"""Earlier snapshots are exact, shared, bounded, and rewound in pieces."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.changes import Change
from app.domain.errors import Expired
from app.domain.names import NamespacedName, Revision
from app.domain.objects.pod import Pod
from app.domain.resources import RESOURCES
from app.domain.snapshot import Snapshot, load
from app.registry.reads.history import History, HistoryBounds
from app.registry.reads.past import UNDONE_A_PIECE, Past, PastBounds
from app.registry.reads.view import View
from app.registry.yielding_lock import YieldingLock
from tests.builders import a_pod
from tests.rounds import work_a_round
from tests.waiting import until


def a_view(*, changes_max: int = 100_000) -> View:
    view = View(History(HistoryBounds(changes_max=changes_max)))
    view.reset(load([], revision=Revision(1)), history=(), compacted=Revision(1))
    return view


def a_past(view: View, **bounds: float) -> Past:
    return Past(view, YieldingLock(), bounds=replace(PastBounds(), **bounds))


def a_pod_of(name: str, revision: Revision, label: str) -> Pod:
    pod = a_pod(name, labels={"app": label})
    return replace(pod, metadata=replace(pod.metadata, revision=revision))


def shown(snapshot: Snapshot) -> object:
    """Everything that can be read from a snapshot."""
    return (
        snapshot.revision,
        [dict(snapshot.of(kind)) for kind in RESOURCES],
        {term: frozenset(members) for term, members in snapshot.index.items()},
        snapshot.held_addresses,
        snapshot.held_ports,
    )


def write(view: View, steps: Sequence[tuple[str, str]]) -> None:
    """Write one revision that labels each Pod, or deletes it when the label is empty."""
    revision = Revision(view.snapshot.revision + 1)
    changes: list[Change] = []
    for name, label in dict(steps).items():
        before = view.snapshot.pods.get(NamespacedName("default", name))
        after = a_pod_of(name, revision, label) if label else None
        if before is not None or after is not None:
            changes.append(Change(revision=revision, before=before, after=after))
    view.advance(changes or [Change(revision=revision, before=None, after=_other(revision))])


def _other(revision: Revision) -> Pod:
    return a_pod_of(f"other-{revision}", revision, "other")


steps = st.lists(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["", "x", "y"])), max_size=3),
    min_size=1,
    max_size=12,
)


@given(steps, st.lists(st.integers(0, 12), min_size=1, max_size=4))
async def test_a_rewound_snapshot_equals_the_earlier_state(
    writes: list[list[tuple[str, str]]], asked: list[int]
) -> None:
    view = a_view()
    past = a_past(view)
    were = [view.snapshot]
    for each in writes:
        write(view, each)
        were.append(view.snapshot)
    for number in asked:  # each may be rewound from the one before
        was = were[min(number, len(were) - 1)]
        assert shown(await past.at(was.revision)) == shown(was)


async def test_a_revision_from_which_a_page_was_given_is_not_rewound() -> None:
    view = a_view()
    past = a_past(view)
    advance_by(view, 3)
    given_ = view.snapshot
    past.keep(given_, epoch=view.epoch)
    advance_by(view, 50)
    assert await past.at(given_.revision) is given_
    assert past.undone == 0


def advance_by(view: View, revisions: int, *, pods: int = 1) -> None:
    for _ in range(revisions):
        revision = Revision(view.snapshot.revision + 1)
        write(view, [(f"p{revision}-{number}", "x") for number in range(pods)])


async def test_concurrent_requests_share_one_rewind_in_pieces_that_yield() -> None:
    view = a_view()
    past = a_past(view)
    advance_by(view, 10, pods=50)
    all_of_them = asyncio.gather(*(past.at(Revision(1)) for _ in range(20)))
    snapshots, rounds = await work_a_round(all_of_them, lambda: past.undone)
    assert {id(snapshot) for snapshot in snapshots} == {id(snapshots[0])}
    assert past.undone == 500
    assert max(rounds) <= UNDONE_A_PIECE
    await past.at(Revision(1))
    assert past.undone == 500, "the result is kept"


async def test_an_object_that_changed_often_is_restored_once() -> None:
    view = a_view()
    past = a_past(view)
    write(view, [("a", "x")])
    was = view.snapshot
    for _ in range(100):
        write(view, [("a", "y")])
        write(view, [("b", "y")])
        write(view, [("b", "")])
    assert shown(await past.at(was.revision)) == shown(was)
    assert past.undone == 1, "b was created and deleted"


async def test_a_rewind_beyond_the_bound_is_expired() -> None:
    view = a_view()
    past = a_past(view, rewound_changes_max=10)
    advance_by(view, 5, pods=3)
    with pytest.raises(Expired):
        await past.at(Revision(view.snapshot.revision - 4))
    assert past.undone == 0
    assert (await past.at(Revision(view.snapshot.revision - 3))).pods
    assert past.undone == 9


async def test_rewound_snapshots_evict_none_from_which_pages_were_given() -> None:
    view = a_view()
    past = a_past(view, given_max=3, rewound_max=2)
    for _ in range(5):
        advance_by(view, 2)
        past.keep(view.snapshot, epoch=view.epoch)
    newest = view.snapshot
    for revision in range(1, newest.revision):
        await past.at(Revision(revision))
    assert len(past) <= 5
    assert await past.at(newest.revision) is newest


async def test_kept_snapshots_are_bounded_in_age_in_changes_and_by_the_history() -> None:
    now_s = [0.0]
    view = a_view(changes_max=30)
    bounds = PastBounds(given_changes_max=20, age_s_max=60)
    past = Past(view, YieldingLock(), bounds=bounds, clock=lambda: now_s[0])
    advance_by(view, 1)
    past.keep(view.snapshot, epoch=view.epoch)
    now_s[0] = 61.0
    advance_by(view, 1)
    assert len(past) == 0, "it was not used for a minute"
    past.keep(view.snapshot, epoch=view.epoch)
    advance_by(view, 20)
    assert len(past) == 1
    advance_by(view, 1)
    assert len(past) == 0, "too much has changed since"

    far = Past(view, YieldingLock(), bounds=PastBounds())
    far.keep(view.snapshot, epoch=view.epoch)
    advance_by(view, 30)
    assert len(far) == 1
    advance_by(view, 1)
    assert len(far) == 0, "the history no longer counts what it keeps in memory"


async def test_no_snapshot_of_another_epoch_is_kept() -> None:
    view = a_view()
    past = a_past(view)
    advance_by(view, 3)
    shown_before, epoch = view.snapshot, view.epoch
    past.keep(shown_before, epoch=epoch)
    view.reset(
        load([], revision=Revision(2)), history=(), compacted=Revision(1), has_same_past=False
    )
    past.keep(shown_before, epoch=epoch)
    assert len(past) == 0
    advance_by(view, 3)
    assert await past.at(shown_before.revision) is not shown_before


async def test_a_change_of_epoch_during_a_rewind_is_expired() -> None:
    view = a_view()
    past = a_past(view)
    advance_by(view, 1, pods=5 * UNDONE_A_PIECE)
    rewinding = asyncio.ensure_future(past.at(Revision(1)))
    await until(lambda: past.undone > 0, every_s=0)
    view.reset(
        load([], revision=Revision(2)), history=(), compacted=Revision(1), has_same_past=False
    )
    with pytest.raises(Expired):
        await rewinding
    assert len(past) == 0
