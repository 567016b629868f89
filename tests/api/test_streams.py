"""What watchers are sent is made once, and in pieces that make up the whole."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.streams import Feed, ndjson_frame
from app.domain.changes import Change
from app.domain.errors import Expired
from app.domain.names import Revision
from app.domain.snapshot import load
from app.registry import watch
from app.registry.view import View
from app.registry.watch import Interest
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
