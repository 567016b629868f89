"""Tokens of a snapshot: found by id, with what a bearer is checked against."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.access.subjects import User
from app.domain.access.tokens import (
    RANDOM_CHARACTERS,
    StoredToken,
    TokenFault,
    TokenKind,
    check_token,
    make_token,
    stored_by_id,
)
from app.domain.changes import Change
from app.domain.names import Revision
from app.domain.objects.token import TOKEN
from app.domain.snapshot import Snapshot, load
from tests.builders import NOON, a_token

LATER = NOON + timedelta(days=1)


def text_of(number: int) -> str:
    return make_token(TokenKind.USER, str(number).zfill(RANDOM_CHARACTERS))


def test_a_token_is_found_by_its_id() -> None:
    text = text_of(1)
    token = a_token(text, user="alice", groups=("dev",), expires_at=LATER)
    tokens = stored_by_id(load([token, a_token(text_of(10**35))], revision=Revision(1)))

    found = check_token(text, tokens, now=NOON)
    assert isinstance(found, StoredToken)
    assert found.user == User(name="alice", groups=("dev",))
    assert found.id == token.metadata.name == text[4:16]
    assert check_token(text, tokens, now=LATER) is TokenFault.EXPIRED
    assert sorted(tokens) == sorted([text[4:16], text_of(10**35)[4:16]])
    assert len(tokens) == 2
    with pytest.raises(KeyError):
        tokens["nothing"]


def test_an_object_never_shows_its_digest() -> None:
    token = a_token(text_of(1))
    assert token.digest
    assert token.digest not in repr(token)


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=12))
def test_a_token_faults_from_its_revision_on_and_refused_from_that_of_its_revocation(
    steps: list[tuple[int, bool]],
) -> None:
    """Every process that has a revision has the tokens of that revision, whichever way it came."""
    texts = [text_of(10**40 * (number + 1)) for number in range(4)]
    snapshot = Snapshot()
    faults: dict[int, TokenFault | None] = dict.fromkeys(range(4), TokenFault.UNKNOWN)
    for revision, (number, revokes) in enumerate(steps, 1):
        token = a_token(texts[number], revoked_at=NOON if revokes else None)
        meta = replace(token.metadata, revision=Revision(revision))
        snapshot = snapshot.apply(
            [
                Change(
                    revision=Revision(revision),
                    before=snapshot.of(TOKEN).get(meta.key),
                    after=replace(token, metadata=meta),
                )
            ]
        )
        faults[number] = TokenFault.REVOKED if revokes else None
        loaded = load(snapshot.of(TOKEN).values(), revision=snapshot.revision)
        for each in (snapshot, loaded):
            for other, expected in faults.items():
                found = check_token(texts[other], stored_by_id(each), now=NOON)
                assert (None if isinstance(found, StoredToken) else found) is expected
