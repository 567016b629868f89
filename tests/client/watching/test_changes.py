"""Changes are given once and in order, whatever happens to streams, and lead to the same state."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import changes as domain
from tests.client.watching.scripts import bookmark, service
from waypost.client.errors import Expired, Forbidden, Misbehaved, Timeout, refusal_of
from waypost.client.watching.changes import Bookmark, Change, ChangeType, Known
from waypost.client.watching.events import AHEAD_TRIES_MAX, Event

Wire = Mapping[str, Any]
ADDED, MODIFIED, DELETED = ChangeType
EXPIRED = refusal_of({"reason": "Expired", "message": "too old"}, code=410)


def taken(known: Known, *events: Event) -> list[tuple[str, str]]:
    """The changes of events, each with the name of its object; a bookmark with its revision."""
    return [
        ("BOOKMARK", change.revision)
        if isinstance(change, Bookmark)
        else (change.type.value, change.object["metadata"]["name"])
        for event in events
        for change in known.take(event)
    ]


def listed(*objects: Wire, revision: int) -> list[Event]:
    return [*(Event("ADDED", each) for each in objects), bookmark(revision, ends_initial=True)]


def known_with(*objects: Wire, revision: int = 5) -> Known:
    known = Known()
    known.begin()
    taken(known, *listed(*objects, revision=revision))
    return known


def test_the_types_are_those_of_the_server() -> None:
    assert {each.value for each in ChangeType} == {*domain.ChangeType} - {"BOOKMARK"}


def test_the_first_list_adds_everything_and_ends_with_a_bookmark() -> None:
    known = Known()
    assert known.begin() == ""
    events = listed(service("a", 3), service("b", 5), revision=7)
    assert taken(known, *events) == [("ADDED", "a"), ("ADDED", "b"), ("BOOKMARK", "7")]
    assert known.begin() == "7"


def test_a_list_that_was_cut_off_is_not_repeated() -> None:
    known = Known()
    known.begin()
    taken(known, Event("ADDED", service("a", 3)))
    assert known.begin() == ""
    events = listed(service("a", 3), service("b", 5), revision=7)
    assert taken(known, *events) == [("ADDED", "b"), ("BOOKMARK", "7")]


def test_events_that_come_again_after_a_stream_was_lost_are_skipped() -> None:
    known = known_with()
    events = [
        Event("ADDED", service("a", 6)),
        Event("MODIFIED", service("a", 7)),
        Event("DELETED", service("a", 8)),
        Event("ADDED", service("b", 8)),
    ]
    assert len(taken(known, *events)) == 4
    assert known.begin() == "5"
    more = Event("ADDED", service("c", 8))
    assert taken(known, *events, more, bookmark(8)) == [("ADDED", "c"), ("BOOKMARK", "8")]


def test_after_an_expired_revision_the_differences_are_given() -> None:
    known = known_with(*(service(name, 5) for name in ("same", "gone", "changed", "made-again")))
    known.refused(EXPIRED)
    assert known.begin() == ""
    events = listed(
        service("same", 5),
        service("changed", 90),
        service("made-again", 95, uid="another"),
        service("new", 91),
        revision=99,
    )
    assert taken(known, *events) == [
        ("MODIFIED", "changed"),
        ("DELETED", "made-again"),
        ("ADDED", "made-again"),
        ("ADDED", "new"),
        ("DELETED", "gone"),
        ("BOOKMARK", "99"),
    ]


def test_a_registry_that_was_restored_to_an_earlier_state_is_followed() -> None:
    known = known_with(service("a", 90), revision=90)
    for _ in range(AHEAD_TRIES_MAX):
        known.refused(Timeout({"reason": "Timeout"}, code=504))
    assert known.begin() == ""
    assert taken(known, *listed(revision=3)) == [("DELETED", "a"), ("BOOKMARK", "3")]
    assert taken(known, Event("ADDED", service("b", 4))) == [("ADDED", "b")]


def test_a_deleted_object_is_given_as_it_was_last() -> None:
    known = known_with(service("a", 5))
    known.refused(EXPIRED)
    known.begin()
    (deleted, _) = known.take(bookmark(99, ends_initial=True))
    assert deleted == Change(DELETED, service("a", 5))


def test_a_watch_that_began_with_a_revision_cannot_know_what_was_deleted() -> None:
    known = Known("5")
    assert known.begin() == "5"
    taken(known, Event("ADDED", service("a", 6)), bookmark(6))
    with pytest.raises(Expired):
        known.refused(EXPIRED)


def test_other_refusals_keep_the_position() -> None:
    known = Known("5")
    known.refused(Forbidden({"reason": "Forbidden"}, code=403))
    assert known.begin() == "5"


@pytest.mark.parametrize(
    "event",
    [
        Event("RENAMED", service("a", 6)),
        Event("ADDED", {}),
        Event("ADDED", {"metadata": {"resourceVersion": "-6"}}),
        Event("ADDED", {"metadata": {"resourceVersion": "6" * 5_000}}),
    ],
)
def test_an_event_without_sense_is_misbehaviour(event: Event) -> None:
    with pytest.raises(Misbehaved):
        taken(known_with(), event)


def test_the_number_of_objects_is_bounded() -> None:
    known = Known(objects_max=2)
    known.begin()
    with pytest.raises(Misbehaved, match="more than 2 objects"):
        taken(known, *listed(*(service(name, 1) for name in "abc"), revision=1))


class Registry:
    """A history: at each revision some objects change, each at most once."""

    def __init__(self, history: list[dict[str, bool]]) -> None:
        self.revision = len(history)
        self.states: list[dict[str, Wire]] = [{}]
        self.events: list[tuple[int, Event]] = []
        for revision, changed in enumerate(history, 1):
            state = dict(self.states[-1])
            for name, is_there in changed.items():
                before = state.pop(name, None)
                uid = str(revision) if before is None else before["metadata"]["uid"]
                now = service(name, revision, uid=uid)
                if is_there:
                    state[name] = now
                    self.events.append((revision, Event("MODIFIED" if before else "ADDED", now)))
                elif before is not None:
                    self.events.append((revision, Event("DELETED", now)))
            self.states.append(state)

    def stream(self, since: str, upto: int, *, has_bookmarks: bool) -> Iterator[Event]:
        """The events of a stream that is sent when the registry is at a revision."""
        first = int(since) if since else upto
        if not since:
            yield from listed(*self.states[upto].values(), revision=upto)
        for revision in range(first + 1, upto + 1):
            yield from (event for at, event in self.events if at == revision)
            if has_bookmarks:
                yield bookmark(revision)


histories = st.lists(
    st.dictionaries(st.sampled_from("abc"), st.booleans(), max_size=3), min_size=1, max_size=12
)


@dataclass(frozen=True)
class Stream:
    """A stream that is sent at a revision, and cut off after some events."""

    upto: int
    length: int
    has_bookmarks: bool
    is_expired_after: bool


streams = st.lists(
    st.builds(Stream, st.integers(0, 12), st.integers(0, 12), st.booleans(), st.booleans()),
    max_size=8,
)


@given(histories, streams)
def test_however_streams_are_cut_the_changes_lead_to_the_state(
    history: list[dict[str, bool]], streams: list[Stream]
) -> None:
    registry, known, held, upto = Registry(history), Known(), dict[str, Wire](), 0
    for stream in streams:
        upto = min(max(upto, stream.upto), registry.revision)
        sent = registry.stream(known.begin(), upto, has_bookmarks=stream.has_bookmarks)
        for event in islice(sent, stream.length):
            apply(known.take(event), held, registry)
        if stream.is_expired_after:
            known.refused(EXPIRED)
    for event in registry.stream(known.begin(), registry.revision, has_bookmarks=True):
        apply(known.take(event), held, registry)
    assert held == registry.states[-1]


def apply(
    changes: Iterator[Change[Wire] | Bookmark], held: dict[str, Wire], registry: Registry
) -> None:
    """Apply changes as a program does; each must fit what it holds."""
    for change in changes:
        match change:
            case Bookmark():
                assert held == registry.states[int(change.revision)]
            case Change(type=ChangeType.ADDED):
                name = change.object["metadata"]["name"]
                assert name not in held
                held[name] = change.object
            case Change(type=ChangeType.MODIFIED):
                name = change.object["metadata"]["name"]
                assert held[name]["metadata"]["uid"] == change.object["metadata"]["uid"]
                assert held[name] != change.object
                held[name] = change.object
            case Change():
                del held[change.object["metadata"]["name"]]


@given(histories, st.lists(st.integers(0, 12), max_size=5))
def test_without_a_relist_the_changes_are_the_events_of_the_history(
    history: list[dict[str, bool]], lengths: list[int]
) -> None:
    registry, known = Registry(history), Known()
    known.begin()
    taken(known, bookmark(0, ends_initial=True))
    given: list[Change[Wire]] = []
    for length in (*lengths, None):
        sent = registry.stream(known.begin(), registry.revision, has_bookmarks=True)
        for event in islice(sent, length):
            given += [each for each in known.take(event) if isinstance(each, Change)]
    assert [(each.type.value, each.object) for each in given] == [
        (event.type, event.object) for _, event in registry.events
    ]
