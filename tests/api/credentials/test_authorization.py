"""The Authorization header, and the challenges of refusals."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.credentials.authorization import Bearer, bearer_of, challenge_of
from app.api.credentials.outcomes import (
    Authenticated,
    Failure,
    Malformed,
    Method,
    NoCredentials,
    Outcome,
    Refused,
    TooMany,
)
from app.api.credentials.tokens import authenticate_token
from app.domain.access.subjects import ANONYMOUS, User
from app.domain.access.tokens import ParsedToken, StoredToken, digest_of, parse_token
from tests.access_vectors import authn_cases

NOW = datetime(2026, 11, 30, tzinfo=UTC)
REFUSED = Refused(Failure.FORM)
LETTERS = "abcXYZ019-._~+/"


def read(*values: bytes) -> object:
    return bearer_of([(b"host", b"localhost"), *((b"authorization", each) for each in values)])


@given(st.text(LETTERS, min_size=1), st.sampled_from(["Bearer", "bearer", "BEARER"]))
def test_one_word_after_the_scheme_is_the_token(token: str, scheme: str) -> None:
    assert read(f"{scheme} {token}==".encode()) == Bearer(f"{token}==")


@given(st.binary(max_size=40))
def test_any_octets_are_a_token_of_the_alphabet_or_refused(octets: bytes) -> None:
    outcome = read(octets)
    assert outcome == REFUSED or (isinstance(outcome, Bearer) and outcome.token.isascii())


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"Bearer",
        b"Bearer ",
        b"Bearer  abc",
        b"Bearer\tabc",
        b"Bearer abc def",
        b"Bearer abc ",
        b" Bearer abc",
        b"Bearer =abc",
        b"Bearer a=b",
        b"Bearer abc\n",
        b"Basic dXNlcjpwYXNz",
        b"Bearerabc",
        b'Bearer realm="x"',
        "Bearer \u00e4".encode(),
        "Bearer \u00e4".encode("latin-1"),
    ],
)
def test_anything_else_is_a_failed_authentication(value: bytes) -> None:
    assert read(value) == REFUSED


def test_without_the_header_there_are_no_credentials() -> None:
    assert read() == NoCredentials()


def test_two_headers_are_a_malformed_request_even_if_they_agree() -> None:
    assert isinstance(read(b"Bearer abc", b"Bearer abc"), Malformed)


@pytest.mark.parametrize(
    ("outcome", "challenge"),
    [
        (NoCredentials(), 'Bearer realm="waypost"'),
        (REFUSED, 'Bearer realm="waypost", error="invalid_token"'),
        (Malformed("twice"), 'Bearer realm="waypost", error="invalid_request"'),
        (TooMany(6), None),
        (Authenticated(user=ANONYMOUS, method=Method.ANONYMOUS), None),
    ],
)
def test_a_challenge_says_what_was_wrong_and_no_more(
    outcome: Outcome, challenge: str | None
) -> None:
    assert challenge_of(outcome) == challenge


def stored(known: list[dict[str, Any]]) -> dict[str, StoredToken]:
    found: dict[str, StoredToken] = {}
    for each in known:
        user = User(name=each["user"]["name"], groups=tuple(each["user"]["groups"]))
        parsed = parse_token(each["token"])
        assert isinstance(parsed, ParsedToken)
        found[parsed.id] = StoredToken(id=parsed.id, digest=digest_of(each["token"]), user=user)
    return found


@pytest.mark.parametrize("case", authn_cases("header"))
def test_header(case: dict[str, Any]) -> None:
    fields = [
        (name.lower().encode(), value.encode("latin-1"))
        for name, value in case["request"]["headers"]
    ]
    outcome = bearer_of(fields)
    if isinstance(outcome, Bearer):
        outcome = authenticate_token(outcome.token, stored(case["tokens"]), now=NOW)
    codes = {Refused: 401, Malformed: 400, NoCredentials: 401, Authenticated: 200}
    is_anonymous = isinstance(outcome, NoCredentials) and case["expect"]["code"] == 200
    if not is_anonymous:  # which paths are open is told in test_authenticator.py
        assert codes[type(outcome)] == case["expect"]["code"]
        assert challenge_of(outcome) == case["expect"].get("www-authenticate")
