"""Our own tokens, made and checked."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.api.credentials.outcomes import Authenticated, Failure, Method, Refused
from app.api.credentials.tokens import authenticate_token, mint
from app.domain.access.subjects import User
from app.domain.access.tokens import (
    ParsedToken,
    StoredToken,
    TokenFault,
    TokenKind,
    digest_of,
    parse_token,
)
from tests.access_vectors import authn_cases

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
ALICE = User(name="alice", groups=("dev",))


def minted(
    expires_at: datetime | None = None, revoked_at: datetime | None = None
) -> tuple[str, dict[str, StoredToken]]:
    token = mint(TokenKind.USER)
    parsed = parse_token(token)
    assert isinstance(parsed, ParsedToken)
    stored = StoredToken(
        id=parsed.id,
        digest=digest_of(token),
        user=ALICE,
        expires_at=expires_at,
        revoked_at=revoked_at,
    )
    return token, {parsed.id: stored}


@pytest.mark.parametrize("kind", TokenKind)
def test_a_minted_token_is_well_formed_and_no_other(kind: TokenKind) -> None:
    parsed = [parse_token(mint(kind)) for _ in range(50)]
    assert all(isinstance(each, ParsedToken) and each.kind is kind for each in parsed)
    assert len(set(parsed)) == 50


def test_a_good_token_is_its_user_until_its_end() -> None:
    ends = NOW + timedelta(days=90)
    token, stored = minted(ends)
    assert authenticate_token(token, stored, now=NOW) == Authenticated(
        user=ALICE, method=Method.TOKEN, credential_id=next(iter(stored)), expires_at=ends
    )


def test_every_fault_of_a_token_has_its_word() -> None:
    assert {Failure(fault.value) for fault in TokenFault} <= set(Failure)


@pytest.mark.parametrize("case", authn_cases("token-life"))
def test_life(case: dict[str, Any]) -> None:
    state = case["state"]
    ends = state.get("expires")
    token, stored = minted(
        expires_at=ends and NOW + timedelta(seconds=int(ends.removesuffix("s"))),
        revoked_at=NOW if "revokedOn" in state else None,
    )
    outcome = authenticate_token(token, stored, now=NOW)
    assert isinstance(outcome, Authenticated if case["expect"]["code"] == 200 else Refused)
