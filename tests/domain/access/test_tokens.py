"""Tokens: their form, their checksum, and how long they are in force."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.access.subjects import User
from app.domain.access.tokens import (
    ALPHABET,
    RANDOM_CHARACTERS,
    ParsedToken,
    StoredToken,
    TokenFault,
    TokenKind,
    check_token,
    digest_of,
    is_ours,
    make_token,
    parse_token,
)
from tests.access_vectors import authn_cases

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
NAMES = {"user": TokenKind.USER, "node": TokenKind.NODE, "replica": TokenKind.REPLICA}
ALICE = User(name="alice", groups=("dev",))

letters = st.text(ALPHABET, min_size=RANDOM_CHARACTERS, max_size=RANDOM_CHARACTERS)
tokens = st.builds(make_token, st.sampled_from(TokenKind), letters)
TOKEN = make_token(TokenKind.USER, "abcdefghijkl" + "s" * 32)
STORED = StoredToken(id="abcdefghijkl", digest=digest_of(TOKEN), user=ALICE)


@given(st.sampled_from(TokenKind), letters)
def test_parse_inverts_make(kind: TokenKind, letters: str) -> None:
    token = make_token(kind, letters)
    assert parse_token(token) == ParsedToken(kind=kind, id=letters[:12])
    assert len(token) == 54
    assert is_ours(token)


@given(tokens, st.integers(0, 53), st.sampled_from(ALPHABET))
def test_a_token_with_another_character_is_none(token: str, place: int, character: str) -> None:
    changed = token[:place] + character + token[place + 1 :]
    assert (changed == token) == isinstance(parse_token(changed), ParsedToken)


@given(tokens, st.integers(0, 52))
def test_two_neighbours_exchanged_make_no_token(token: str, place: int) -> None:
    swapped = token[:place] + token[place + 1] + token[place] + token[place + 2 :]
    assert (swapped == token) == isinstance(parse_token(swapped), ParsedToken)


@given(st.text(max_size=60))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    assert isinstance(parse_token(text), ParsedToken | TokenFault)


@pytest.mark.parametrize("case", authn_cases("token-format"))
def test_form(case: dict[str, Any]) -> None:
    parsed = parse_token(case["token"])
    expected = case["expect"]
    assert isinstance(parsed, ParsedToken) == expected["wellFormed"]
    if isinstance(parsed, ParsedToken):
        assert parsed.kind is NAMES[expected["type"]]


def test_a_line_break_after_a_token_is_not_part_of_it() -> None:
    assert parse_token(TOKEN + "\n") is TokenFault.FORM


def test_a_wrong_length_is_a_bug_of_the_caller() -> None:
    with pytest.raises(AssertionError):
        make_token(TokenKind.USER, "short")


@pytest.mark.parametrize(
    ("seconds", "fault"), [(60, None), (1, None), (0, "expired"), (-1, "expired"), (None, None)]
)
def test_a_token_is_in_force_before_its_end_and_not_at_it(
    seconds: int | None, fault: str | None
) -> None:
    ends = None if seconds is None else NOW + timedelta(seconds=seconds)
    stored = replace(STORED, expires_at=ends)
    outcome = check_token(TOKEN, {STORED.id: stored}, now=NOW)
    assert outcome == (stored if fault is None else fault)


def test_a_revoked_token_is_refused_also_before_its_end() -> None:
    revoked = replace(STORED, revoked_at=NOW, expires_at=NOW + timedelta(days=1))
    assert check_token(TOKEN, {STORED.id: revoked}, now=NOW) is TokenFault.REVOKED


@given(tokens)
def test_only_the_stored_text_is_the_token(other: str) -> None:
    outcome = check_token(other, {STORED.id: STORED}, now=NOW)
    assert outcome == (STORED if other == TOKEN else TokenFault.UNKNOWN)


def test_another_secret_of_a_known_id_is_as_unknown_as_another_id() -> None:
    other = make_token(TokenKind.USER, STORED.id + "t" * 32)
    assert check_token(other, {STORED.id: STORED}, now=NOW) is TokenFault.UNKNOWN
    assert check_token(TOKEN, {}, now=NOW) is TokenFault.UNKNOWN


def test_a_wrong_checksum_is_refused_before_the_store_is_asked() -> None:
    wrong = TOKEN[:-1] + ("0" if TOKEN[-1] != "0" else "1")
    assert check_token(wrong, {STORED.id: STORED}, now=NOW) is TokenFault.CHECKSUM
    assert check_token("wpu_", {STORED.id: STORED}, now=NOW) is TokenFault.FORM


@pytest.mark.parametrize("text", ["", "wpx_", "a.b.c", "WPU_", "wpu"])
def test_other_tokens_are_not_ours(text: str) -> None:
    assert not is_ours(text)
