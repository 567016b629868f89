"""What watchers are sent is made once, and in pieces that make up the whole."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api import streams
from app.api.streams import Feed, Stream, Watch, Watching, ndjson_frame, sse_frame
from app.domain.changes import Change
from app.domain.errors import Expired
from app.domain.names import Revision
from app.domain.snapshot import load
from app.registry import watch
from app.registry.view import View
from app.registry.watch import Interest, Pulse
from tests.builders import a_pod

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


@given(st.lists(revisions, min_size=3, max_size=3).map(sorted))
def test_to_be_told_in_two_pieces_is_to_be_told_all(steps: list[Revision]) -> None:
    since, between, upto = steps
    feed = Feed(VIEW, Interest(), ndjson_frame)
    pieces = feed.batch(since, between, 0) + feed.batch(between, upto, 0)
    assert pieces == feed.batch(since, upto, 0)
    assert pieces.count(b"\n") == upto - since


def test_what_many_are_told_is_encoded_once() -> None:
    feed = Feed(VIEW, Interest(), ndjson_frame)
    assert feed.batch(Revision(3), Revision(5), 0) is feed.batch(Revision(3), Revision(5), 0)


def test_another_past_is_another_batch() -> None:
    view = a_view()
    feed = Feed(view, Interest(), ndjson_frame)
    before = feed.batch(Revision(1), Revision(LAST), view.era)
    view.reset(
        load([], revision=Revision(LAST)), history=(), compacted=Revision(1), has_same_past=False
    )
    assert before != b"" == feed.batch(Revision(1), Revision(LAST), view.era)


def test_who_is_too_far_behind_is_told_to_list_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "BEHIND_MAX", LAST - 2)
    feed = Feed(VIEW, Interest(), ndjson_frame)
    assert feed.batch(Revision(2), Revision(LAST), 0)
    with pytest.raises(Expired, match="too slow"):
        feed.batch(Revision(1), Revision(LAST), 0)


async def streamed(stream: Stream) -> bytes:
    return b"".join([piece async for piece in stream.initial()])


@pytest.mark.parametrize("timeout_s", [0.0, 60.0])
async def test_an_initial_state_that_takes_too_long_is_not_called_whole(
    timeout_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "INITIAL_PIECE", 1)
    watch_ = Watch(interest=Interest(), frame=sse_frame, since=None, timeout_s=timeout_s)
    stream = Watching(VIEW, Pulse(VIEW)).stream(watch_)
    sent = await streamed(stream)
    assert stream.is_over == (timeout_s == 0)
    assert (b"initial-events-end" in sent) == (timeout_s > 0)
    assert sent.count(b"event: ADDED") == (1 if timeout_s == 0 else LAST - 1)


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
