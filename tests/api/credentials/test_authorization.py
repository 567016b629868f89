"""The Authorization header, and the challenges of refusals."""

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
from app.domain.access.subjects import ANONYMOUS

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
