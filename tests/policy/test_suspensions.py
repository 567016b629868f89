"""Which expressions are suspended, and for how long."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.policy.expressions import Environment
from app.policy.suspensions import KILLS_MAX, SUSPENDED_S, WITHIN_S, Asked, Suspensions

SLOW: Asked = (Environment.CLAIMS, ("slow",))
OTHER: Asked = (Environment.USER, ("slow",))


@dataclass
class Clock:
    now_s: float = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def killed(suspensions: Suspensions, clock: Clock, pauses_s: Sequence[float]) -> list[bool]:
    found = list[bool]()
    for pause_s in pauses_s:
        clock.now_s += pause_s
        found.append(suspensions.count_kill(SLOW, "it hangs"))
    return found


@pytest.mark.parametrize(
    ("pauses_s", "suspends"),
    [
        ((0, 0, 0), [False, False, True]),
        ((0, 29, 30), [False, False, True]),
        ((0, 30, 30), [False, False, False]),
        ((0, 59, 59, 0), [False, False, False, True]),
        ((0, 0, 0, 0, 0, 0), [False, False, True, False, False, True]),
    ],
)
def test_three_kills_within_a_minute_suspend(
    pauses_s: Sequence[float], suspends: list[bool]
) -> None:
    clock = Clock()
    assert killed(Suspensions(clock=clock), clock, pauses_s) == suspends


def test_the_error_stands_for_a_minute_and_for_those_expressions_alone() -> None:
    clock = Clock()
    suspensions = Suspensions(clock=clock)
    killed(suspensions, clock, [0] * KILLS_MAX)
    assert suspensions.error_of(SLOW).startswith("it hangs, 3 times within a minute")
    assert suspensions.error_of(OTHER) == ""
    assert suspensions.suspended == 1
    clock.now_s += SUSPENDED_S - 1
    assert suspensions.error_of(SLOW)
    clock.now_s += 1
    assert suspensions.error_of(SLOW) == ""
    assert suspensions.suspended == 0


@given(st.lists(st.floats(0, 2 * WITHIN_S), max_size=30))
def test_it_is_suspended_exactly_when_three_of_its_kills_lie_within_a_minute(
    pauses_s: list[float],
) -> None:
    clock = Clock()
    suspends = killed(Suspensions(clock=clock), clock, pauses_s)
    now_s, since = 1_000.0, list[float]()
    for pause_s, is_suspended in zip(pauses_s, suspends, strict=True):
        now_s += pause_s
        since.append(now_s)
        assert is_suspended == (len([at for at in since if at > now_s - WITHIN_S]) >= KILLS_MAX)
        if is_suspended:
            since.clear()


def test_only_so_many_are_remembered() -> None:
    suspensions = Suspensions(remembered_max=2)
    for text in "abc":
        for _ in range(KILLS_MAX):
            suspensions.count_kill((Environment.CLAIMS, (text,)), "it hangs")
    assert suspensions.suspended == 2
    assert suspensions.error_of((Environment.CLAIMS, ("a",))) == ""
