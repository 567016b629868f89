"""Errors of a Status, and text from servers that is safe for one line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.errors import STATUSES
from waypost.client.errors import (
    REFUSALS,
    RETRY_AFTER_S_MAX,
    Cause,
    Invalid,
    Misbehaved,
    NoSuchPath,
    NotFound,
    Refused,
    TooManyRequests,
    Unreachable,
    refusal_of,
    shown,
)

json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
)


def test_a_refusal_has_the_class_of_its_reason() -> None:
    message, details = 'pods "ent-1" not found', {"kind": "pods", "name": "ent-1"}
    status = {"reason": "NotFound", "message": message, "details": details}
    refusal = refusal_of(status, code=404)
    assert type(refusal) is NotFound
    assert (refusal.reason, refusal.code, refusal.causes) == ("NotFound", 404, ())
    assert str(refusal) == 'pods "ent-1" not found'


def test_where_no_object_is_missing_the_path_is() -> None:
    refusal = refusal_of({"reason": "NotFound", "message": 'there is no path "/x"'}, code=404)
    assert type(refusal) is NoSuchPath
    assert not isinstance(refusal, NotFound)


def test_every_cause_is_kept_with_its_field() -> None:
    cause = {"field": "spec.ports[0].port", "reason": "FieldValueInvalid", "message": "too large"}
    refusal = refusal_of({"reason": "Invalid", "details": {"causes": [cause, {}]}})
    assert isinstance(refusal, Invalid)
    assert refusal.causes == (
        Cause("spec.ports[0].port", "FieldValueInvalid", "too large"),
        Cause("", "", ""),
    )


@pytest.mark.parametrize("reason", ["", "SomethingElse", "Refused", "WaypostError"])
def test_an_unknown_reason_is_a_refusal_of_no_class_of_its_own(reason: str) -> None:
    refusal = refusal_of({"reason": reason, "message": "no"})
    assert type(refusal) is Refused
    assert refusal.reason == reason


OF_REQUESTS_NO_PROGRAM_SENDS = {
    "MethodNotAllowed",
    "MisdirectedRequest",
    "NotAcceptable",
    "RequestHeaderFieldsTooLarge",
    "RequestTimeout",
    "URITooLong",
}


def test_every_reason_of_the_server_has_a_class() -> None:
    reasons = {kind.reason for kind in STATUSES} | {"InternalError"}
    assert reasons - set(REFUSALS) <= OF_REQUESTS_NO_PROGRAM_SENDS
    assert set(REFUSALS) <= reasons


@pytest.mark.parametrize(
    ("header_s", "stated", "wait_s"),
    [(0, None, 0), (3, None, 3), (0, 2, 2), (3, 2, 3), (0, -1, 0), (0, "2", 0), (1e9, None, 0)],
)
def test_the_wait_that_is_asked_for_is_kept(header_s: float, stated: object, wait_s: float) -> None:
    status = {"reason": "TooManyRequests", "details": {"retryAfterSeconds": stated}}
    refusal = refusal_of(status, code=429, retry_after_s=header_s)
    assert isinstance(refusal, TooManyRequests)
    assert refusal.retry_after_s == wait_s


@given(st.dictionaries(st.sampled_from(["reason", "message", "details"]), json))
def test_any_status_is_a_refusal_within_bounds(status: dict[str, object]) -> None:
    refusal = refusal_of(status)
    assert 0 <= refusal.retry_after_s <= RETRY_AFTER_S_MAX
    assert all(isinstance(each, Cause) for each in refusal.causes)
    assert str(refusal).isprintable()


def test_what_an_error_knows_is_kept_when_its_url_is_added() -> None:
    unsent = Unreachable("refused", was_sent=False).at("http://a", "refused")
    assert (unsent.was_sent, unsent.url, str(unsent)) == (False, "http://a", "http://a: refused")
    assert Misbehaved("it answers 502", code=502).at("http://a", "502").code == 502


@given(st.text())
def test_shown_text_is_one_printable_line_of_bounded_length(text: str) -> None:
    line = shown(text, 20)
    assert line.isprintable()
    assert len(line) <= 20


def test_control_characters_and_line_ends_become_blanks() -> None:
    assert shown("a\x1b[31m\r\n\tb") == "a [31m b"
