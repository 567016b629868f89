"""What a watcher is told, and when."""

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
from app.registry.reads import watch
from app.registry.reads.history import History
from app.registry.reads.view import View
from app.registry.reads.watch import (
    CHANGES_A_PIECE,
    EVENT_WORK,
    EVENTS_A_PIECE,
    TOLD_AT_ONCE,
    WORK_AT_ONCE,
    Interest,
    Place,
    Pulse,
    WatchEvent,
    event_of,
    owed,
)
from tests.builders import a_pod, a_service, an_endpoint, an_endpoint_slice
from tests.rounds import CountedLabels
from tests.waiting import until

WEB = Interest(labels=parse_selector("tier=web"))
web, db = a_service(labels={"tier": "web"}), a_service(labels={"tier": "db"})


def told(before: Object | None, after: Object | None, interest: Interest = WEB) -> object:
    event = event_of(Change(revision=Revision(7), before=before, after=after), interest)
    return event and event.type


def test_what_starts_to_match_is_added_and_what_stops_is_deleted() -> None:
    assert told(None, web) == ChangeType.ADDED
    assert told(db, web) == ChangeType.ADDED
    assert told(web, web) == ChangeType.MODIFIED
    assert told(web, db) == ChangeType.DELETED
    assert told(web, None) == ChangeType.DELETED
    assert told(db, db) is None
    assert told(None, web, Interest(kinds=frozenset({"Pod"}))) is None
    assert told(None, web, Interest(namespace="elsewhere")) is None


def test_what_is_gone_bears_the_revision_of_its_going() -> None:
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
async def test_every_piece_of_a_long_past_is_bounded_in_work(size: int) -> None:
    labels, view = CountedLabels(app="x"), a_view()
    while view.snapshot.revision < 3 * CHANGES_A_PIECE // size:
        revision = Revision(view.snapshot.revision + 1)
        pods = [a_pod(f"p{revision}-{number}") for number in range(size)]
        metas = [replace(pod.metadata, revision=revision, labels=labels) for pod in pods]
        written = [replace(pod, metadata=meta) for pod, meta in zip(pods, metas, strict=True)]
        view.advance([Change(revision=revision, before=None, after=pod) for pod in written])
    interest = Interest(labels=parse_selector("app=y"))
    place, upto = Place(Revision(1)), view.snapshot.revision
    while place.revision < upto:
        before = labels.looked_up
        piece = owed(view, place, upto, interest)
        assert labels.looked_up - before <= CHANGES_A_PIECE == max(piece.work, CHANGES_A_PIECE)
        place = piece.reached


class CountingHistory(History):
    """Counts the changes that it has handed out."""

    listed = 0

    def after(self, since: Revision, *, changes_max: int | None = None) -> tuple[Change, ...]:
        found = super().after(since, changes_max=changes_max)
        self.listed += len(found)
        return found


async def test_a_piece_of_a_long_past_takes_no_more_of_it_than_it_looks_through() -> None:
    history = CountingHistory()
    view = View(history)
    view.reset(load([], revision=Revision(1)), history=(), compacted=Revision(1))
    pod = a_pod()
    revisions = map(Revision, range(2, 5 * CHANGES_A_PIECE))
    view.advance([Change(revision=each, before=None, after=pod) for each in revisions])
    owed(view, Place(Revision(1)), view.snapshot.revision, Interest())
    assert history.listed <= CHANGES_A_PIECE


async def test_one_event_of_a_huge_revision_is_held_back_until_it_is_known_to_be_the_last() -> None:
    view = a_view()
    names = ["wanted", *(f"p{number}" for number in range(3 * CHANGES_A_PIECE))]
    pods = [a_pod(name, "there" if name == "wanted" else "here") for name in names]
    revision = Revision(2)
    view.advance([Change(revision=revision, before=None, after=pod) for pod in pods])
    place, pieces = Place(Revision(1)), list[int]()
    while place.revision < revision:
        piece = owed(view, place, revision, Interest(namespace="there"))
        pieces.append(len(piece.events))
        assert piece.work <= CHANGES_A_PIECE + EVENT_WORK
        assert all(is_last for _, is_last in piece.events)
        place = piece.reached
    assert pieces == [0, 0, 0, 1]


async def test_large_objects_make_smaller_pieces() -> None:
    view = a_view()
    large = an_endpoint_slice(endpoints=(an_endpoint(),) * 1_000)
    for revision in map(Revision, range(2, 12)):
        view.advance([Change(revision=revision, before=None, after=large)])
    piece = owed(view, Place(Revision(1)), view.snapshot.revision, Interest())
    assert 1 <= len(piece.events) < 10 < EVENTS_A_PIECE


async def test_changes_that_come_together_are_told_to_everybody_once() -> None:
    view = a_view()
    pulse = Pulse(view, batch_s=0.01)
    told: list[Revision] = []
    for _ in range(3):
        pulse.listen(lambda: told.append(pulse.upto))  # each is a listener of its own
    for name in ("a", "b", "c"):
        register(view, name)
    await pulse.beyond(Revision(3))
    await until(lambda: bool(told))
    assert told == [4, 4, 4]


async def test_a_beat_is_told_in_turns_and_all_hear_of_the_same_revision() -> None:
    view = a_view()
    pulse = Pulse(view, batch_s=0)
    told: list[Revision] = []
    turns: list[int] = []

    def listen() -> None:
        told.append(pulse.upto)
        if len(told) == 1:  # others have their turn before all are told
            asyncio.get_running_loop().call_soon(lambda: turns.append(len(told)))
            register(view, "meanwhile")

    for _ in range(2 * TOLD_AT_ONCE):
        pulse.listen(partial(listen))
    register(view, "a")
    await until(lambda: len(told) == 4 * TOLD_AT_ONCE)
    assert turns == [TOLD_AT_ONCE]
    assert told == [2] * 2 * TOLD_AT_ONCE + [3] * 2 * TOLD_AT_ONCE, "the next beat tells the rest"


async def test_a_turn_ends_when_so_much_work_is_done_however_few_are_told() -> None:
    view = a_view()
    pulse = Pulse(view, batch_s=0)
    told: list[Revision] = []
    turns: list[int] = []

    def listen() -> None:
        told.append(pulse.upto)
        pulse.spend(WORK_AT_ONCE // 2)
        asyncio.get_running_loop().call_soon(lambda: turns.append(len(told)))

    for _ in range(6):
        pulse.listen(partial(listen))
    register(view, "a")
    await until(lambda: len(turns) == 6)
    assert turns == [2, 2, 4, 4, 6, 6]


async def test_who_stops_listening_during_a_beat_is_not_told() -> None:
    view = a_view()
    pulse = Pulse(view, batch_s=0)
    told: list[str] = []
    endings: list[Callable[[], object]] = []

    def first() -> None:
        told.append("first")
        for end in endings:
            end()

    pulse.listen(first)
    endings.append(pulse.listen(lambda: told.append("second")))
    register(view, "a")
    await until(lambda: bool(told))
    assert told == ["first"]


async def test_a_beat_whose_past_never_happened_goes_on_from_what_did() -> None:
    view = a_view()
    pulse = Pulse(view, batch_s=0)
    told: list[Revision] = []

    def lose() -> None:
        told.append(pulse.upto)
        if view.era == 0:
            before = load([], revision=Revision(2))
            view.reset(before, history=(), compacted=Revision(1), has_same_past=False)

    pulse.listen(lose)
    pulse.listen(lambda: told.append(pulse.upto))
    for name in ("a", "b", "c"):
        register(view, name)
    await until(lambda: len(told) >= 2)
    assert told[:2] == [4, 2]


async def test_one_that_fails_silences_nobody_else(caplog: pytest.LogCaptureFixture) -> None:
    view = a_view()
    pulse = Pulse(view, batch_s=0)
    told: list[Revision] = []

    def fail() -> None:
        raise ZeroDivisionError

    pulse.listen(fail)
    pulse.listen(lambda: told.append(pulse.upto))
    for name in ("a", "b"):
        register(view, name)
        await until(lambda: bool(told) and told[-1] == view.snapshot.revision)
    assert caplog.text.count("could not be told") == 1


async def test_a_beat_that_took_long_is_followed_by_as_long_a_pause() -> None:
    view = a_view()
    pulse = Pulse(view, batch_s=0)
    begun_at = list[float]()

    def slow() -> None:
        begun_at.append(time.monotonic())
        time.sleep(0.05)

    pulse.listen(slow)
    register(view, "a")
    await until(lambda: len(begun_at) == 1)
    register(view, "b")
    await until(lambda: len(begun_at) == 2)
    assert begun_at[1] - begun_at[0] >= 0.09, "its own time, and as much again"


async def test_those_who_listen_are_told_the_time_though_nothing_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watch, "TICK_S", 0.01)
    pulse = Pulse(a_view())
    ticks: list[Revision] = []
    pulse.listen(lambda: ticks.append(pulse.upto))
    await until(lambda: ticks[:2] == [1, 1])


async def test_a_pulse_that_is_stopped_holds_nobody() -> None:
    pulse = Pulse(a_view())
    told: list[bool] = []
    pulse.listen(lambda: told.append(pulse.is_stopped))
    waiting = asyncio.create_task(pulse.beyond(Revision(9)))
    await asyncio.sleep(0)
    pulse.stop()
    await waiting
    await until(lambda: told == [True])
