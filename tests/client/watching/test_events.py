"""Parsing the lines of a watch, and where it is resumed."""

import json

import pytest

from waypost.client.errors import Misbehaved, Refused, refusal_of
from waypost.client.watching.events import AHEAD_TRIES_MAX, Event, Resume, event_of, parse_event


def bookmark(revision: str, *, ends_initial: bool = False) -> Event:
    annotations = {"k8s.io/initial-events-end": "true"} if ends_initial else {}
    metadata = {"resourceVersion": revision, "annotations": annotations}
    return event_of({"type": "BOOKMARK", "object": {"metadata": metadata}})


def refused(reason: str) -> Refused:
    return refusal_of({"reason": reason, "message": "no"})


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
def test_a_line_that_is_not_an_event_is_misbehaviour(line: bytes) -> None:
    with pytest.raises(Misbehaved):
        parse_event(line)


@pytest.mark.parametrize("annotations", [None, 7, [], {}])
def test_annotations_of_any_shape_do_not_end_the_initial_list(annotations: object) -> None:
    metadata = {"resourceVersion": "7", "annotations": annotations}
    line = json.dumps({"type": "BOOKMARK", "object": {"metadata": metadata}}).encode()
    assert not parse_event(line).ends_initial


def test_an_error_is_a_refusal_with_its_reason() -> None:
    status = {"kind": "Status", "reason": "Expired", "message": "too old"}
    with pytest.raises(Refused, match="too old") as refusal:
        parse_event(json.dumps({"type": "ERROR", "object": status}).encode())
    assert refusal.value.reason == "Expired"


def test_a_stream_that_ends_within_the_initial_list_starts_over() -> None:
    resume = Resume()
    assert resume.begin() == ""
    assert not resume.advance(ADDED)
    assert not resume.advance(bookmark("5"))
    assert resume.is_initial
    assert resume.begin() == ""


def test_a_stream_is_resumed_after_the_last_complete_revision() -> None:
    resume = Resume()
    resume.begin()
    assert resume.advance(bookmark("5", ends_initial=True))
    assert not resume.advance(ADDED)
    assert resume.begin() == "5"
    assert not resume.is_initial
    assert resume.advance(bookmark("7"))
    assert resume.begin() == "7"


def test_an_expired_revision_starts_over_immediately() -> None:
    resume = resumed("5")
    resume.refused(refused("Expired"))
    assert resume.begin() == ""


@pytest.mark.parametrize("reason", ["ServiceUnavailable", "Forbidden", ""])
def test_other_refusals_keep_the_position(reason: str) -> None:
    resume = resumed("5")
    for _ in range(2 * AHEAD_TRIES_MAX):
        resume.refused(refused(reason))
    assert resume.begin() == "5"


def test_a_revision_that_is_never_reached_starts_over_after_some_tries() -> None:
    resume = resumed("5")
    for _ in range(AHEAD_TRIES_MAX - 1):
        resume.refused(refused("Timeout"))
    assert resume.begin() == "5"
    assert resume.advance(bookmark("6"))
    for _ in range(AHEAD_TRIES_MAX - 1):
        resume.refused(refused("Timeout"))
    assert resume.begin() == "6"
    resume.refused(refused("Timeout"))
    assert resume.begin() == ""
