"""What the lines of a watch say, and where a stream that has ended goes on."""

import json

import pytest

from app.client.errors import Refused, RegistryMisbehaved
from app.client.watch import AHEAD_TRIES_MAX, Event, Resume, event_of, parse_event


def bookmark(revision: str, *, ends_initial: bool = False) -> Event:
    annotations = {"k8s.io/initial-events-end": "true"} if ends_initial else {}
    metadata = {"resourceVersion": revision, "annotations": annotations}
    return event_of({"type": "BOOKMARK", "object": {"metadata": metadata}})


def refused(reason: str) -> Refused:
    return Refused({"reason": reason, "message": "no"})


ADDED = event_of({"type": "ADDED", "object": {"metadata": {"resourceVersion": "3"}}})


def resumed(since: str) -> Resume:
    resume = Resume(since)
    resume.begin()
    return resume


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense",
        b"[]",
        b"{}",
        b'{"type": "ADDED"}',
        b'{"type": "ADDED", "object": []}',
        b'{"type": 1, "object": {}}',
        b'{"type": "ERROR", "object": 7}',
        b'{"type": "BOOKMARK", "object": {}}',
        b'{"type": "BOOKMARK", "object": {"metadata": 7}}',
        b'{"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": 7}}}',
    ],
)
def test_a_line_that_is_no_event_is_misbehaviour(line: bytes) -> None:
    with pytest.raises(RegistryMisbehaved):
        parse_event(line)


@pytest.mark.parametrize("annotations", [None, 7, [], {}])
def test_a_bookmark_of_any_shape_may_say_nothing_of_the_beginning(annotations: object) -> None:
    metadata = {"resourceVersion": "7", "annotations": annotations}
    line = json.dumps({"type": "BOOKMARK", "object": {"metadata": metadata}}).encode()
    assert not parse_event(line).ends_initial


def test_an_error_is_a_refusal_with_its_reason() -> None:
    status = {"kind": "Status", "reason": "Expired", "message": "too old"}
    with pytest.raises(Refused, match="too old") as refusal:
        parse_event(json.dumps({"type": "ERROR", "object": status}).encode())
    assert refusal.value.reason == "Expired"


def test_a_stream_that_ends_before_all_was_listed_begins_anew() -> None:
    resume = Resume()
    assert resume.begin() == ""
    assert not resume.is_whole(ADDED)
    assert not resume.is_whole(bookmark("5"))
    assert resume.is_initial
    assert resume.begin() == ""


def test_a_stream_is_resumed_after_the_last_whole_revision() -> None:
    resume = Resume()
    resume.begin()
    assert resume.is_whole(bookmark("5", ends_initial=True))
    assert not resume.is_whole(ADDED)
    assert resume.begin() == "5"
    assert not resume.is_initial
    assert resume.is_whole(bookmark("7"))
    assert resume.begin() == "7"


def test_a_revision_that_is_forgotten_is_given_up_at_once() -> None:
    resume = resumed("5")
    resume.refused(refused("Expired"))
    assert resume.begin() == ""


@pytest.mark.parametrize("reason", ["ServiceUnavailable", "Forbidden", ""])
def test_other_refusals_leave_it_where_it_is(reason: str) -> None:
    resume = resumed("5")
    for _ in range(2 * AHEAD_TRIES_MAX):
        resume.refused(refused(reason))
    assert resume.begin() == "5"


def test_a_revision_that_nobody_reaches_is_given_up_after_some_tries() -> None:
    resume = resumed("5")
    for _ in range(AHEAD_TRIES_MAX - 1):
        resume.refused(refused("Timeout"))
    assert resume.begin() == "5"
    assert resume.is_whole(bookmark("6"))
    for _ in range(AHEAD_TRIES_MAX - 1):
        resume.refused(refused("Timeout"))
    assert resume.begin() == "6"
    resume.refused(refused("Timeout"))
    assert resume.begin() == ""
