"""Events of watchers are encoded once, in pieces that make up the whole."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message

from app.api.access.identity import Caller, Permit
from app.api.credentials.outcomes import Method
from app.api.credentials.tokens import mint
from app.api.http.delivery import NDJSON, EventStream, ndjson_frame, sse_frame
from app.api.objects.feed import Batch, Feed
from app.api.objects.streams import Stream, Watch, Watching
from app.domain.access.subjects import User
from app.domain.access.tokens import TokenKind, id_of, stored_by_id
from app.domain.changes import Change
from app.domain.errors import Expired
from app.domain.label_queries import parse_selector
from app.domain.names import Revision
from app.domain.objects.resource import Object
from app.domain.objects.token import TOKEN
from app.domain.snapshot import load
from app.registry.reads.history import History, HistoryBounds
from app.registry.reads.view import View
from app.registry.reads.watch import (
    CHANGES_A_PIECE,
    EVENT_WORK,
    EVENTS_A_PIECE,
    Interest,
    Notifier,
    Position,
)
from app.schemas.objects.encoding import OBJECTS_A_PIECE, Encoder
from tests.builders import a_cluster_role, a_pod, a_token
from tests.memory_writer import EPOCH
from tests.rounds import work_a_round

LAST = 12


def a_view(last: int = LAST) -> View:
    """Make a view in which each revision adds a Pod."""
    view = View()
    view.reset(load([], revision=Revision(1)), history=(), compacted=Revision(1))
    for revision in map(Revision, range(2, last + 1)):
        pod = a_pod(f"p{revision}")
        stored = replace(pod, metadata=replace(pod.metadata, revision=revision))
        view.advance([Change(revision=revision, before=None, after=stored)])
    return view


VIEW = a_view()
START = Position(Revision(1))
revisions = st.integers(1, LAST).map(Revision)


def batches_of(feed: Feed, start: Position, upto: Revision, epoch: int = 0) -> list[Batch]:
    """Give the batches that take a watcher from a position to a revision."""
    found: list[Batch] = []
    while start.revision < upto:
        found.append(feed.batch(start, upto, epoch))
        start = found[-1].reached
    return found


def frames(batches: list[Batch]) -> bytes:
    return b"".join(batch.frames for batch in batches)


@given(st.lists(revisions, min_size=3, max_size=3).map(sorted))
def test_two_batches_make_up_the_whole(steps: list[Revision]) -> None:
    since, between, upto = steps
    feed = Feed(VIEW, Interest(), ndjson_frame)
    pieces = frames(batches_of(feed, Position(since), between)) + frames(
        batches_of(feed, Position(between), upto)
    )
    assert pieces == frames(batches_of(feed, Position(since), upto))
    assert pieces.count(b"\n") == upto - since


def test_watchers_with_equal_interests_share_a_batch() -> None:
    feed = Feed(VIEW, Interest(), ndjson_frame)
    start = Position(Revision(3))
    assert feed.batch(start, Revision(5), 0) is feed.batch(start, Revision(5), 0)


def test_another_epoch_is_another_batch() -> None:
    view = a_view()
    feed = Feed(view, Interest(), ndjson_frame)
    before = frames(batches_of(feed, START, Revision(LAST), view.epoch))
    view.reset(
        load([], revision=Revision(LAST)), history=(), compacted=Revision(1), has_same_past=False
    )
    assert before != b"" == frames(batches_of(feed, START, Revision(LAST), view.epoch))


def a_bulk_view(sizes: tuple[int, ...]) -> View:
    """Make a view in which each revision adds so many Pods."""
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
def test_a_revision_of_any_size_is_sent_in_bounded_pieces_and_ends_with_its_id(
    sizes: tuple[int, ...], namespace: str
) -> None:
    view = a_bulk_view(sizes)
    interest = Interest(namespace=namespace)
    batches = batches_of(Feed(view, interest, sse_frame), START, view.snapshot.revision)
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


def test_a_start_before_the_history_is_expired() -> None:
    view = View(History(HistoryBounds(changes_max=LAST // 2)))
    view.reset(load([], revision=Revision(1)), history=(), compacted=Revision(1))
    for change in VIEW.history(Revision(1)):
        view.advance([change])
    feed = Feed(view, Interest(), ndjson_frame)
    assert feed.batch(Position(view.compacted), Revision(LAST), 0)
    with pytest.raises(Expired):
        feed.batch(Position(Revision(view.compacted - 1)), Revision(LAST), 0)


async def streamed(stream: Stream) -> bytes:
    return b"".join([piece async for piece in stream.initial()])


@pytest.mark.parametrize("timeout_s", [0.0, 60.0])
async def test_an_initial_state_that_takes_too_long_has_no_end_bookmark(timeout_s: float) -> None:
    watch_ = Watch(interest=Interest(), frame=sse_frame, since=None, timeout_s=timeout_s)
    stream = Watching(VIEW, Notifier(VIEW)).stream(watch_)
    sent = await streamed(stream)
    assert stream.is_over == (timeout_s == 0)
    assert (b"initial-events-end" in sent) == (timeout_s > 0)
    assert sent.count(b"event: ADDED") == LAST - 1, "they make one piece"


async def test_a_watch_from_the_first_revision_gets_every_event() -> None:
    watch_ = Watch(interest=Interest(), frame=ndjson_frame, since=Revision(1), timeout_s=60)
    stream = Watching(VIEW, Notifier(VIEW)).stream(watch_)
    assert await streamed(stream) == b""
    assert stream.due().count(b"ADDED") == LAST - 1
    assert stream.due() == b""


async def test_a_change_of_epoch_ends_a_stream_and_leaves_no_id_to_resume_from() -> None:
    view = a_view()
    watch_ = Watch(interest=Interest(), frame=sse_frame, since=Revision(1), timeout_s=60)
    stream = Watching(view, Notifier(view)).stream(watch_)
    view.reset(
        load([], revision=Revision(5)), history=(), compacted=Revision(1), has_same_past=False
    )
    assert stream.due().startswith(b"id:\nevent: ERROR\n")
    assert stream.is_over


ALICE, TEXT = User(name="alice", groups=("system:masters",)), mint(TokenKind.USER)
CALLER = Caller(user=ALICE, real=ALICE, method=Method.TOKEN, credential_id=id_of(TEXT))


def a_permit(now: Callable[[], datetime] = lambda: EPOCH) -> Permit:
    """The permit of an administrator by a token that ends in an hour."""
    caller = replace(CALLER, expires_at=EPOCH + timedelta(hours=1))
    return Permit(caller=caller, asked=(), tokens_of=stored_by_id, now=now)


def put(view: View, added: Object) -> Revision:
    revision = Revision(view.snapshot.revision + 1)
    stored = replace(added, metadata=replace(added.metadata, revision=revision))
    view.advance([Change(revision=revision, before=None, after=stored)])
    return revision


async def test_a_token_that_the_database_loses_begins_no_stream() -> None:
    view = a_view()
    put(view, a_token(TEXT))
    watch_ = Watch(
        interest=Interest(), frame=ndjson_frame, since=None, timeout_s=60, permit=a_permit()
    )
    stream = Watching(view, Notifier(view)).stream(watch_)
    view.reset(
        load([a_pod("p")], revision=Revision(5)),
        history=(),
        compacted=Revision(1),
        has_same_past=False,
    )
    assert b'"code":401' in await streamed(stream)
    assert stream.is_over


async def test_a_stream_from_before_its_token_was_issued_has_every_event_since() -> None:
    view = a_view()
    put(view, a_cluster_role(name="a change of rights"))
    put(view, a_token(TEXT))
    watch_ = Watch(
        interest=Interest(), frame=ndjson_frame, since=Revision(3), timeout_s=60, permit=a_permit()
    )
    stream = Watching(view, Notifier(view)).stream(watch_)
    sent = b""
    while stream.is_behind:
        sent += stream.due()
    assert sent.count(b"ADDED") == LAST - 3
    assert not stream.is_over


def revoke(view: View) -> None:
    (token,) = view.snapshot.of(TOKEN).values()
    revision = Revision(view.snapshot.revision + 1)
    meta = replace(token.metadata, revision=revision)
    after = replace(token, metadata=meta, revoked_at=EPOCH)
    view.advance([Change(revision=revision, before=token, after=after)])


@pytest.mark.parametrize("loss", ["end", "revocation"])
async def test_an_initial_state_ends_with_its_token(loss: str) -> None:
    view, now = View(), [EPOCH]
    pods = [a_pod(f"p{number}") for number in range(3 * OBJECTS_A_PIECE)]
    view.reset(
        load([*pods, a_token(TEXT)], revision=Revision(1)), history=(), compacted=Revision(1)
    )
    permit = a_permit(lambda: now[0])
    watch_ = Watch(interest=Interest(), frame=ndjson_frame, since=None, timeout_s=60, permit=permit)
    stream = Watching(view, Notifier(view)).stream(watch_)
    sent: list[bytes] = []
    async for piece in stream.initial():
        sent.append(piece)
        if len(sent) == 1:  # while a client reads the first piece
            if loss == "end":
                now[0] += timedelta(hours=1)
            else:
                revoke(view)
    assert stream.is_over
    assert b'"code":401' in sent[-1]
    assert b"".join(sent).count(b"ADDED") == OBJECTS_A_PIECE


async def test_an_initial_state_ends_early_once_it_cannot_be_resumed_from() -> None:
    view = View(History(HistoryBounds(changes_max=3)))
    pods = [a_pod(f"p{number}") for number in range(3 * OBJECTS_A_PIECE)]
    view.reset(load(pods, revision=Revision(1)), history=(), compacted=Revision(1))
    watch_ = Watch(interest=Interest(), frame=ndjson_frame, since=None, timeout_s=60)
    stream = Watching(view, Notifier(view)).stream(watch_)
    sent: list[bytes] = []
    async for piece in stream.initial():
        sent.append(piece)
        for name in "abcde":  # while a client reads the first piece
            write(view, name)
    assert stream.is_over
    assert b"ERROR" in sent[1]
    assert len(sent) == 2


async def test_an_initial_state_is_that_of_the_moment_when_the_lock_is_taken() -> None:
    view = a_view()
    stream = Watching(view, Notifier(view)).stream(
        Watch(interest=Interest(), frame=ndjson_frame, since=None, timeout_s=60)
    )
    write(view, "meanwhile")
    sent = await streamed(stream)
    assert b"meanwhile" in sent
    assert stream.due() == b""


async def test_streams_that_begin_together_share_encoded_objects_and_the_lock() -> None:
    view, encoder = View(), Encoder()
    pods = [a_pod(f"p{number}", f"ns{number % 2}") for number in range(4 * OBJECTS_A_PIECE)]
    view.reset(load(pods, revision=Revision(1)), history=(), compacted=Revision(1))
    watching = Watching(view, Notifier(view), encoder=encoder)
    wanted = [Interest(), *(Interest(namespace=f"ns{number}") for number in range(2))]
    streams = [
        watching.stream(Watch(interest=each, frame=frame, since=None, timeout_s=60))
        for each in wanted
        for frame in (ndjson_frame, sse_frame)
    ]
    all_of_them = asyncio.gather(*(streamed(stream) for stream in streams))
    sent, rounds = await work_a_round(all_of_them, lambda: encoder.encoded)
    assert [state.count(b"ADDED") for state in sent] == [800, 800, 400, 400, 400, 400]
    assert encoder.encoded == len(pods)
    assert max(rounds) <= OBJECTS_A_PIECE


class CountingNotifier(Notifier):
    """Adds up all work."""

    work = 0

    def count_work(self, work: int) -> None:
        self.work += work
        super().count_work(work)


async def test_streams_that_resume_a_long_history_catch_up_in_pieces_that_yield() -> None:
    view = a_bulk_view((1_000,) * 6)
    notifier = CountingNotifier(view)
    watching = Watching(view, notifier)
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

    all_of_them = asyncio.gather(*map(follow, clients))
    _, rounds = await work_a_round(all_of_them, lambda: notifier.work)
    assert notifier.work >= len(clients) * 6_000
    assert max(rounds) <= CHANGES_A_PIECE + EVENT_WORK * EVENTS_A_PIECE


def write(view: View, name: str) -> None:
    put(view, a_pod(name))
