"""Nobody has more than a quarter of a limit, and everybody has something."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.errors import Overloaded
from app.api.http.shares import SHARES, Shares
from app.telemetry.bounds import Bound


def taken_by(shares: Shares, user: str | None, wish: int) -> int:
    """Take as much as is allowed, up to a number; gives how much that was."""
    for count in range(wish):
        try:
            shares.require(user)
        except Overloaded:
            return count
        shares.take(user)
    return wish


@given(st.integers(1, 200))
def test_a_user_has_a_quarter_and_at_least_one(limit: int) -> None:
    shares = Shares(limit, "watchers", bound=Bound.WATCHERS_OF_USER)
    share = taken_by(shares, "alice", limit + 1)
    assert share == max(1, limit // SHARES)
    assert taken_by(shares, "bob", share) == share, "others have theirs"


def test_what_is_given_back_can_be_taken_again() -> None:
    shares = Shares(8, "watchers", bound=Bound.WATCHERS_OF_USER)
    assert taken_by(shares, "alice", 9) == 2
    shares.give("alice")
    assert taken_by(shares, "alice", 9) == 1


def test_who_is_not_known_has_no_share() -> None:
    assert taken_by(Shares(4, "watchers", bound=Bound.WATCHERS_OF_USER), None, 100) == 100


def test_the_refusal_names_the_user_and_both_limits() -> None:
    shares = Shares(8, "watchers", bound=Bound.WATCHERS_OF_USER)
    taken_by(shares, "alice", 2)
    words = 'user "alice" has 2 watchers already, the most that one user may have of 8'
    with pytest.raises(Overloaded, match=words):
        shares.require("alice")


def test_who_has_nothing_is_forgotten() -> None:
    shares = Shares(8, "watchers", bound=Bound.WATCHERS_OF_USER)
    for number in range(1_000):
        shares.take(f"user-{number}")
        shares.give(f"user-{number}")
        shares.require(f"other-{number}")
    assert not shares._taken_by_user  # pyright: ignore[reportPrivateUsage]  memory is the subject
