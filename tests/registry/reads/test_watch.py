"""Watch events, their pieces, and when watchers are notified."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from app.domain.changes import Change, ChangeType
from app.domain.label_queries import parse_selector
from app.domain.names import Revision
from app.domain.objects.resource import Object
from app.domain.snapshot import load
from app.registry.reads.history import History
from app.registry.reads.view import View
from app.registry.reads.watch import (
    CHANGES_A_PIECE,
    EVENT_WORK,
    EVENTS_A_PIECE,
    LISTENERS_A_SLICE,
    WORK_A_SLICE,
    Interest,
    Notifier,
    Position,
    WatchEvent,
    event_of,
    pending,
)
from tests.builders import a_pod, a_service, an_endpoint, an_endpoint_slice
from tests.rounds import CountedLabels
from tests.waiting import until

WEB = Interest(labels=parse_selector("tier=web"))
web, db = a_service(labels={"tier": "web"}), a_service(labels={"tier": "db"})


def type_of(before: Object | None, after: Object | None, interest: Interest = WEB) -> object:
    event = event_of(Change(revision=Revision(7), before=before, after=after), interest)
    return event and event.type


def test_an_object_that_starts_to_match_is_added_and_one_that_stops_is_deleted() -> None:
    assert type_of(None, web) == ChangeType.ADDED
    assert type_of(db, web) == ChangeType.ADDED
    assert type_of(web, web) == ChangeType.MODIFIED
    assert type_of(web, db) == ChangeType.DELETED
    assert type_of(web, None) == ChangeType.DELETED
    assert type_of(db, db) is None
    assert type_of(None, web, Interest(kinds=frozenset({"Pod"}))) is None
    assert type_of(None, web, Interest(namespace="elsewhere")) is None


def test_a_deleted_event_has_the_revision_of_the_deletion() -> None:
    event = event_of(Change(revision=Revision(7), before=web, after=None), WEB)
    gone = replace(web, metadata=replace(web.metadata, revision=Revision(7)))
    assert event == WatchEvent(ChangeType.DELETED, gone)


def a_view() -> View:
    view = View()
    view.reset(load([], revision=Revision(1)), history=(), compacted=Revision(1))
    return view


def register(view: View, name: str) -> None:
    revision = Revision(view.snapshot.revision + 1)
    pod = a_pod(name)
    stored = replace(pod, metadata=replace(pod.metadata, revision=revision))
    view.advance([Change(revision=revision, before=None, after=stored)])


@pytest.mark.parametrize("size", [1, 3, CHANGES_A_PIECE])
async def test_every_piece_of_a_long_history_is_bounded_in_work(size: int) -> None:
    labels, view = CountedLabels(app="x"), a_view()
    while view.snapshot.revision < 3 * CHANGES_A_PIECE // size:
        revision = Revision(view.snapshot.revision + 1)
        pods = [a_pod(f"p{revision}-{number}") for number in range(size)]
        metas = [replace(pod.metadata, revision=revision, labels=labels) for pod in pods]
        written = [replace(pod, metadata=meta) for pod, meta in zip(pods, metas, strict=True)]
        view.advance([Change(revision=revision, before=None, after=pod) for pod in written])
    interest = Interest(labels=parse_selector("app=y"))
    start, upto = Position(Revision(1)), view.snapshot.revision
    while start.revision < upto:
        before = labels.looked_up
        piece = pending(view, start, upto, interest)
        assert labels.looked_up - before <= CHANGES_A_PIECE == max(piece.work, CHANGES_A_PIECE)
        start = piece.reached


class CountingHistory(History):
    """Counts the changes that it has listed."""

    listed = 0

    def after(self, since: Revision, *, changes_max: int | None = None) -> tuple[Change, ...]:
        found = super().after(since, changes_max=changes_max)
        self.listed += len(found)
        return found


async def test_a_piece_of_a_long_history_lists_no_more_changes_than_it_examines() -> None:
    history = CountingHistory()
    view = View(history)
    view.reset(load([], revision=Revision(1)), history=(), compacted=Revision(1))
    pod = a_pod()
    revisions = map(Revision, range(2, 5 * CHANGES_A_PIECE))
    view.advance([Change(revision=each, before=None, after=pod) for each in revisions])
    pending(view, Position(Revision(1)), view.snapshot.revision, Interest())
    assert history.listed <= CHANGES_A_PIECE


async def test_one_event_of_a_huge_revision_is_held_back_until_it_is_known_to_be_the_last() -> None:
    view = a_view()
    names = ["wanted", *(f"p{number}" for number in range(3 * CHANGES_A_PIECE))]
    pods = [a_pod(name, "there" if name == "wanted" else "here") for name in names]
    revision = Revision(2)
    view.advance([Change(revision=revision, before=None, after=pod) for pod in pods])
    start, pieces = Position(Revision(1)), list[int]()
    while start.revision < revision:
        piece = pending(view, start, revision, Interest(namespace="there"))
        pieces.append(len(piece.events))
        assert piece.work <= CHANGES_A_PIECE + EVENT_WORK
        assert all(is_last for _, is_last in piece.events)
        start = piece.reached
    assert sum(pieces) == pieces[-1] == 1


async def test_large_objects_make_smaller_pieces() -> None:
    view = a_view()
    large = an_endpoint_slice(endpoints=(an_endpoint(),) * 1_000)
    for revision in map(Revision, range(2, 12)):
        view.advance([Change(revision=revision, before=None, after=large)])
    piece = pending(view, Position(Revision(1)), view.snapshot.revision, Interest())
    assert 1 <= len(piece.events) < 10 < EVENTS_A_PIECE


async def test_changes_that_come_together_notify_each_listener_once() -> None:
    view = a_view()
    notifier = Notifier(view, batch_s=0.01)
    seen: list[Revision] = []
    for _ in range(3):
        notifier.listen(lambda: seen.append(notifier.upto))  # each is a listener of its own
    for name in ("a", "b", "c"):
        register(view, name)
    await notifier.wait_beyond(Revision(3), epoch=0)
    await until(lambda: bool(seen))
    assert seen == [4, 4, 4]


async def test_a_flush_proceeds_in_slices_and_all_listeners_see_the_same_revision() -> None:
    view = a_view()
    notifier = Notifier(view, batch_s=0)
    seen: list[Revision] = []
    slices: list[int] = []

    def listen() -> None:
        seen.append(notifier.upto)
        if len(seen) == 1:  # another callback runs before all listeners are notified
            asyncio.get_running_loop().call_soon(lambda: slices.append(len(seen)))
            register(view, "meanwhile")

    for _ in range(2 * LISTENERS_A_SLICE):
        notifier.listen(partial(listen))
    register(view, "a")
    await until(lambda: len(seen) == 4 * LISTENERS_A_SLICE)
    assert slices == [LISTENERS_A_SLICE]
    of_a_flush = 2 * LISTENERS_A_SLICE
    assert seen == [2] * of_a_flush + [3] * of_a_flush, "the next flush sends the rest"


async def test_a_slice_ends_when_its_work_is_done_however_few_listeners_are_notified() -> None:
    view = a_view()
    notifier = Notifier(view, batch_s=0)
    seen: list[Revision] = []
    slices: list[int] = []

    def listen() -> None:
        seen.append(notifier.upto)
        notifier.count_work(WORK_A_SLICE // 2)
        asyncio.get_running_loop().call_soon(lambda: slices.append(len(seen)))

    for _ in range(6):
        notifier.listen(partial(listen))
    register(view, "a")
    await until(lambda: len(slices) == 6)
    assert slices == [2, 2, 4, 4, 6, 6]


async def test_a_listener_that_is_removed_during_a_flush_is_not_notified() -> None:
    view = a_view()
    notifier = Notifier(view, batch_s=0)
    seen: list[str] = []
    endings: list[Callable[[], object]] = []

    def first() -> None:
        seen.append("first")
        for end in endings:
            end()

    notifier.listen(first)
    endings.append(notifier.listen(lambda: seen.append("second")))
    register(view, "a")
    await until(lambda: bool(seen))
    assert seen == ["first"]


async def test_a_flush_continues_at_the_current_revision_after_a_change_of_epoch() -> None:
    view = a_view()
    notifier = Notifier(view, batch_s=0)
    seen: list[Revision] = []

    def lose() -> None:
        seen.append(notifier.upto)
        if view.epoch == 0:
            before = load([], revision=Revision(2))
            view.reset(before, history=(), compacted=Revision(1), has_same_past=False)

    notifier.listen(lose)
    notifier.listen(lambda: seen.append(notifier.upto))
    for name in ("a", "b", "c"):
        register(view, name)
    await until(lambda: len(seen) >= 2)
    assert seen[:2] == [4, 2]


async def test_a_failing_listener_does_not_stop_others(caplog: pytest.LogCaptureFixture) -> None:
    view = a_view()
    notifier = Notifier(view, batch_s=0)
    seen: list[Revision] = []

    def fail() -> None:
        raise ZeroDivisionError

    notifier.listen(fail)
    notifier.listen(lambda: seen.append(notifier.upto))
    for name in ("a", "b"):
        register(view, name)
        await until(lambda: bool(seen) and seen[-1] == view.snapshot.revision)
    assert caplog.text.count("a watch listener failed") == 1


async def test_a_long_flush_is_followed_by_as_long_a_pause() -> None:
    view = a_view()
    notifier = Notifier(view, batch_s=0)
    begun_at = list[float]()

    def slow() -> None:
        begun_at.append(time.monotonic())
        time.sleep(0.05)

    notifier.listen(slow)
    register(view, "a")
    await until(lambda: len(begun_at) == 1)
    register(view, "b")
    await until(lambda: len(begun_at) == 2)
    assert begun_at[1] - begun_at[0] >= 0.09, "its own time, and as much again"


async def test_listeners_are_notified_at_intervals_although_nothing_changes() -> None:
    notifier = Notifier(a_view(), idle_s=0.01)
    seen: list[Revision] = []
    notifier.listen(lambda: seen.append(notifier.upto))
    await until(lambda: seen[:2] == [1, 1])


async def test_a_notifier_that_is_stopped_ends_all_waiting() -> None:
    notifier = Notifier(a_view())
    seen: list[bool] = []
    notifier.listen(lambda: seen.append(notifier.is_stopped))
    waiting = asyncio.create_task(notifier.wait_beyond(Revision(9), epoch=0))
    await asyncio.sleep(0)
    notifier.stop()
    await waiting
    await until(lambda: seen == [True])
