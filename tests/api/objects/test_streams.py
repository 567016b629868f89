"""What watchers are sent is made once, and in pieces that make up the whole."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message

from app.api.http.delivery import EventStream
from app.api.http.frames import NDJSON, ndjson_frame, sse_frame
from app.api.objects.streams import Batch, Feed, Stream, Watch, Watching
from app.domain.changes import Change
from app.domain.errors import Expired
from app.domain.label_queries import parse_selector
from app.domain.names import Revision
from app.domain.snapshot import load
from app.registry.reads.history import History, HistoryBounds
from app.registry.reads.view import View
from app.registry.reads.watch import (
    CHANGES_A_PIECE,
    EVENT_WORK,
    EVENTS_A_PIECE,
    Interest,
    Place,
    Pulse,
)
from app.schemas.objects.encoding import OBJECTS_A_PIECE, Encoder
from tests.builders import a_pod
from tests.rounds import work_a_round

LAST = 12


def a_view(last: int = LAST) -> View:
    """Know of a Pod more with every revision."""
    view = View()
    view.reset(load([], revision=Revision(1)), history=(), compacted=Revision(1))
    for revision in map(Revision, range(2, last + 1)):
        pod = a_pod(f"p{revision}")
        stored = replace(pod, metadata=replace(pod.metadata, revision=revision))
        view.advance([Change(revision=revision, before=None, after=stored)])
    return view


VIEW = a_view()
revisions = st.integers(1, LAST).map(Revision)


def told(feed: Feed, place: Place, upto: Revision, era: int = 0) -> list[Batch]:
    """Give the batches that take a watcher from a place to a revision."""
    found: list[Batch] = []
    while place.revision < upto:
        found.append(feed.batch(place, upto, era))
        place = found[-1].reached
    return found


def frames(batches: list[Batch]) -> bytes:
    return b"".join(batch.frames for batch in batches)


@given(st.lists(revisions, min_size=3, max_size=3).map(sorted))
def test_to_be_told_in_two_pieces_is_to_be_told_all(steps: list[Revision]) -> None:
    since, between, upto = steps
    feed = Feed(VIEW, Interest(), ndjson_frame)
    pieces = frames(told(feed, Place(since), between)) + frames(told(feed, Place(between), upto))
    assert pieces == frames(told(feed, Place(since), upto))
    assert pieces.count(b"\n") == upto - since


def test_what_many_are_told_is_encoded_once() -> None:
    feed = Feed(VIEW, Interest(), ndjson_frame)
    place = Place(Revision(3))
    assert feed.batch(place, Revision(5), 0) is feed.batch(place, Revision(5), 0)


def test_another_past_is_another_batch() -> None:
    view = a_view()
    feed = Feed(view, Interest(), ndjson_frame)
    before = frames(told(feed, Place(Revision(1)), Revision(LAST), view.era))
    view.reset(
        load([], revision=Revision(LAST)), history=(), compacted=Revision(1), has_same_past=False
    )
    assert before != b"" == frames(told(feed, Place(Revision(1)), Revision(LAST), view.era))


def a_bulk_view(sizes: tuple[int, ...]) -> View:
    """Know of so many Pods more with each revision."""
    view = View()
    view.reset(load([], revision=Revision(1)), history=(), compacted=Revision(1))
    for revision, size in enumerate(sizes, start=2):
        pods = [a_pod(f"p{revision}-{n}", "ab"[n % 2]) for n in range(size)]
        view.advance(
            Change(
                revision=Revision(revision),
                before=None,
                after=replace(pod, metadata=replace(pod.metadata, revision=Revision(revision))),
            )
            for pod in pods
        )
    return view


@pytest.mark.parametrize("namespace", ["", "a", "b", "nowhere"])
@pytest.mark.parametrize(
    "sizes",
    [(1,), (EVENTS_A_PIECE,), (3, 2 * EVENTS_A_PIECE + 1, 1), (1, 3 * CHANGES_A_PIECE // 2, 2)],
)
def test_a_revision_of_any_size_is_told_in_bounded_pieces_and_ends_with_its_id(
    sizes: tuple[int, ...], namespace: str
) -> None:
    view = a_bulk_view(sizes)
    interest = Interest(namespace=namespace)
    batches = told(Feed(view, interest, sse_frame), Place(Revision(1)), view.snapshot.revision)
    whole = frames(batches)
    expected = [
        revision
        for revision, size in enumerate(sizes, start=2)
        for n in range(size)
        if namespace in ("", "ab"[n % 2])
    ]
    assert whole.count(b"event: ADDED") == len(expected)
    ids = [int(line[4:]) for line in whole.splitlines() if line.startswith(b"id: ")]
    assert ids == sorted(set(expected))
    assert all(batch.frames.count(b"event:") <= EVENTS_A_PIECE for batch in batches)


def test_who_needs_what_is_forgotten_is_told_to_list_anew() -> None:
    view = View(History(HistoryBounds(changes_max=LAST // 2)))
    view.reset(load([], revision=Revision(1)), history=(), compacted=Revision(1))
    for change in VIEW.history(Revision(1)):
        view.advance([change])
    feed = Feed(view, Interest(), ndjson_frame)
    assert feed.batch(Place(view.compacted), Revision(LAST), 0)
    with pytest.raises(Expired):
        feed.batch(Place(Revision(view.compacted - 1)), Revision(LAST), 0)


async def streamed(stream: Stream) -> bytes:
    return b"".join([piece async for piece in stream.initial()])


@pytest.mark.parametrize("timeout_s", [0.0, 60.0])
async def test_an_initial_state_that_takes_too_long_is_not_called_whole(timeout_s: float) -> None:
    watch_ = Watch(interest=Interest(), frame=sse_frame, since=None, timeout_s=timeout_s)
    stream = Watching(VIEW, Pulse(VIEW)).stream(watch_)
    sent = await streamed(stream)
    assert stream.is_over == (timeout_s == 0)
    assert (b"initial-events-end" in sent) == (timeout_s > 0)
    assert sent.count(b"event: ADDED") == LAST - 1, "they make one piece"


async def test_who_watches_from_the_very_beginning_is_told_all() -> None:
    watch_ = Watch(interest=Interest(), frame=ndjson_frame, since=Revision(1), timeout_s=60)
    stream = Watching(VIEW, Pulse(VIEW)).stream(watch_)
    assert await streamed(stream) == b""
    assert stream.news().count(b"ADDED") == LAST - 1
    assert stream.news() == b""


async def test_a_past_that_never_happened_ends_a_stream_and_leaves_no_id_to_resume_from() -> None:
    view = a_view()
    watch_ = Watch(interest=Interest(), frame=sse_frame, since=Revision(1), timeout_s=60)
    stream = Watching(view, Pulse(view)).stream(watch_)
    view.reset(
        load([], revision=Revision(5)), history=(), compacted=Revision(1), has_same_past=False
    )
    assert stream.news().startswith(b"id:\nevent: ERROR\n")
    assert stream.is_over


async def test_a_state_that_cannot_be_gone_on_from_is_not_sent_to_its_end() -> None:
    view = View(History(HistoryBounds(changes_max=3)))
    pods = [a_pod(f"p{number}") for number in range(3 * OBJECTS_A_PIECE)]
    view.reset(load(pods, revision=Revision(1)), history=(), compacted=Revision(1))
    watch_ = Watch(interest=Interest(), frame=ndjson_frame, since=None, timeout_s=60)
    stream = Watching(view, Pulse(view)).stream(watch_)
    sent: list[bytes] = []
    async for piece in stream.initial():
        sent.append(piece)
        for name in "abcde":  # while a client reads the first piece
            write(view, name)
    assert stream.is_over
    assert b"ERROR" in sent[1]
    assert len(sent) == 2


async def test_the_state_a_watcher_begins_with_is_that_of_its_turn() -> None:
    view = a_view()
    stream = Watching(view, Pulse(view)).stream(
        Watch(interest=Interest(), frame=ndjson_frame, since=None, timeout_s=60)
    )
    write(view, "meanwhile")
    sent = await streamed(stream)
    assert b"meanwhile" in sent
    assert stream.news() == b""


async def test_all_who_begin_at_once_share_what_is_encoded_and_the_turns_to_do_it() -> None:
    view, encoder = View(), Encoder()
    pods = [a_pod(f"p{number}", f"ns{number % 2}") for number in range(4 * OBJECTS_A_PIECE)]
    view.reset(load(pods, revision=Revision(1)), history=(), compacted=Revision(1))
    watching = Watching(view, Pulse(view), encoder=encoder)
    wanted = [Interest(), *(Interest(namespace=f"ns{number}") for number in range(2))]
    streams = [
        watching.stream(Watch(interest=each, frame=frame, since=None, timeout_s=60))
        for each in wanted
        for frame in (ndjson_frame, sse_frame)
    ]
    everybody = asyncio.gather(*(streamed(stream) for stream in streams))
    sent, rounds = await work_a_round(everybody, lambda: encoder.encoded)
    assert [state.count(b"ADDED") for state in sent] == [800, 800, 400, 400, 400, 400]
    assert encoder.encoded == len(pods)
    assert max(rounds) <= OBJECTS_A_PIECE


class CountingPulse(Pulse):
    """Counts all that has been spent."""

    work = 0

    def spend(self, work: int) -> None:
        self.work += work
        super().spend(work)


async def test_those_who_resume_from_long_ago_catch_up_in_turns() -> None:
    view = a_bulk_view((1_000,) * 6)
    pulse = CountingPulse(view)
    watching = Watching(view, pulse)
    received: dict[str, bytes] = {}
    clients = [f"{number}" for number in range(8)]

    async def follow(client: str) -> None:
        interest = Interest(labels=parse_selector(f"x!={client}"))
        watch_ = Watch(interest=interest, frame=ndjson_frame, since=Revision(1), timeout_s=60)
        gone = asyncio.Event()

        async def receive() -> Message:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            received[client] = received.get(client, b"") + message.get("body", b"")
            if received[client].count(b"ADDED") == 6_000:
                gone.set()

        answer = EventStream(watching.stream(watch_), media_type=NDJSON, headers={})
        await answer({"type": "http"}, receive, send)

    everybody = asyncio.gather(*map(follow, clients))
    _, rounds = await work_a_round(everybody, lambda: pulse.work)
    assert pulse.work >= len(clients) * 6_000
    assert max(rounds) <= CHANGES_A_PIECE + EVENT_WORK * EVENTS_A_PIECE


def write(view: View, name: str) -> None:
    revision = Revision(view.snapshot.revision + 1)
    pod = a_pod(name)
    stored = replace(pod, metadata=replace(pod.metadata, revision=revision))
    view.advance([Change(revision=revision, before=None, after=stored)])
