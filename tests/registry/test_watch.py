"""What a watcher is told, and when it is woken."""

import asyncio
import time
from dataclasses import replace

from app.domain.changes import Change, ChangeType
from app.domain.label_queries import parse_selector
from app.domain.names import Revision
from app.domain.objects.kinds import Object
from app.domain.snapshot import load
from app.registry.view import View
from app.registry.watch import Interest, Pulse, WatchEvent, event_of, initial_objects
from tests.builders import a_pod, a_service

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


def test_the_initial_state_is_what_matches() -> None:
    pod = a_pod(labels={"tier": "web"})
    snapshot = load([pod, web, a_service("other")], revision=Revision(3))
    assert list(initial_objects(snapshot, WEB)) == [web, pod]
    assert list(initial_objects(snapshot, replace(WEB, namespace="elsewhere"))) == []


def a_view() -> View:
    view = View()
    view.reset(load([], revision=Revision(1)), history=(), compacted=Revision(1))
    return view


def register(view: View, name: str) -> None:
    revision = Revision(view.snapshot.revision + 1)
    pod = a_pod(name)
    stored = replace(pod, metadata=replace(pod.metadata, revision=revision))
    view.advance([Change(revision=revision, before=None, after=stored)])


async def test_changes_that_come_together_wake_everybody_once() -> None:
    view = a_view()
    pulse = Pulse(view, batch_s=0.01)
    woken: list[int] = []

    async def watch() -> None:
        seen = view.snapshot.revision
        while seen < 4:
            await pulse.next_beat(seen)
            seen = view.snapshot.revision
            woken.append(seen)

    watching = [asyncio.create_task(watch()) for _ in range(3)]
    await asyncio.sleep(0)
    for name in ("a", "b", "c"):
        register(view, name)
    await asyncio.gather(*watching)
    assert woken == [4, 4, 4]


async def test_a_beat_that_took_long_is_followed_by_as_long_a_pause() -> None:
    view = a_view()
    pulse = Pulse(view, batch_s=0)
    begun_at = list[float]()

    async def watch(busy_s: float) -> None:
        await pulse.next_beat(view.snapshot.revision)
        begun_at.append(time.monotonic())
        time.sleep(busy_s)  # noqa: ASYNC251  the loop is kept busy, as thousands of watchers do

    watching = [asyncio.create_task(watch(0.05)) for _ in range(2)]
    await asyncio.sleep(0)
    register(view, "a")
    await asyncio.gather(*watching)
    ended_at = time.monotonic()
    watching = [asyncio.create_task(watch(0))]
    await asyncio.sleep(0)
    register(view, "b")
    await asyncio.gather(*watching)
    assert begun_at[-1] - ended_at >= 0.09


async def test_a_pulse_that_is_stopped_holds_nobody() -> None:
    pulse = Pulse(a_view())
    pulse.stop()
    await pulse.next_beat(Revision(1))
    await pulse.beyond(Revision(9))
