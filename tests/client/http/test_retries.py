"""Requests are repeated where a repetition can do no harm, a bounded number of times."""

from collections.abc import Iterable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.client.fake_clock import FakeClock
from waypost.client.errors import (
    BadRequest,
    Conflict,
    Expired,
    Forbidden,
    InternalError,
    Invalid,
    Misbehaved,
    NotFound,
    ServiceUnavailable,
    Timeout,
    TooManyRequests,
    Unreachable,
    WaypostError,
)
from waypost.client.http.retries import LONGEST_S, ONCE, Retries, may_retry, retrying

UNSENT = Unreachable("refused", was_sent=False)
LOST = Unreachable("no answer")
BUSY = TooManyRequests({}, code=429, retry_after_s=2)
REFUSALS = (BadRequest, Conflict, Expired, Forbidden, InternalError, Invalid, NotFound)


class Sender:
    """Fails in some ways, then succeeds."""

    def __init__(self, *failures: WaypostError) -> None:
        self._failures = iter(failures)
        self.attempts = 0

    async def __call__(self) -> str:
        self.attempts += 1
        for failure in self._failures:
            raise failure
        return "done"


async def attempts_of(
    failures: Iterable[WaypostError],
    clock: FakeClock,
    retries: Retries,
    *,
    is_repeatable: bool = True,
) -> int:
    send = Sender(*failures)
    with suppress(WaypostError):
        await retrying(send, is_repeatable=is_repeatable, retries=retries, clock=clock)
    return send.attempts


@pytest.mark.parametrize(
    ("error", "if_repeatable", "else_"),
    [
        (UNSENT, True, True),
        (LOST, True, False),
        (BUSY, True, True),
        (TooManyRequests({}, code=429), True, False),
        (ServiceUnavailable({}, code=503, retry_after_s=1), True, True),
        (ServiceUnavailable({}, code=503), True, False),
        (Timeout({}, code=504, retry_after_s=1), True, False),
        (Misbehaved("it answers 502", code=502), True, False),
        (Misbehaved("it answers 404", code=404), False, False),
        (Misbehaved("its answer is not JSON"), False, False),
        *((kind({}, retry_after_s=1), False, False) for kind in REFUSALS),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, WaypostError) else str(value),
)
def test_only_a_repetition_that_can_do_no_harm_is_allowed(
    error: WaypostError, *, if_repeatable: bool, else_: bool
) -> None:
    assert may_retry(error, is_repeatable=True) is if_repeatable
    assert may_retry(error, is_repeatable=False) is else_


async def test_a_result_comes_after_some_failures() -> None:
    send, clock = Sender(UNSENT, BUSY, UNSENT), FakeClock()
    assert await retrying(send, is_repeatable=False, clock=clock) == "done"
    assert send.attempts == 4
    assert len(clock.slept_s) == 3
    assert clock.slept_s[1] >= BUSY.retry_after_s


async def test_the_last_error_is_raised() -> None:
    with pytest.raises(TooManyRequests):
        await retrying(
            Sender(UNSENT, BUSY, UNSENT),
            is_repeatable=False,
            retries=Retries(attempts_max=2),
            clock=FakeClock(),
        )


async def test_once_is_once() -> None:
    clock = FakeClock()
    assert await attempts_of([UNSENT] * 9, clock, ONCE) == 1
    assert clock.slept_s == []


async def test_a_registry_that_asks_for_a_long_wait_is_not_waited_for() -> None:
    clock, busy = FakeClock(), TooManyRequests({}, code=429, retry_after_s=600)
    assert await attempts_of([busy] * 9, clock, Retries(total_s_max=30)) == 1


@given(
    failures=st.lists(st.sampled_from([UNSENT, LOST, BUSY, NotFound({})]), max_size=60),
    attempts_max=st.integers(1, 20),
    total_s_max=st.floats(0, 100),
    is_repeatable=st.booleans(),
)
async def test_attempts_are_bounded_in_number_and_time(
    failures: list[WaypostError], attempts_max: int, total_s_max: float, *, is_repeatable: bool
) -> None:
    clock = FakeClock()
    retries = Retries(attempts_max=attempts_max, total_s_max=total_s_max)
    attempts = await attempts_of(failures, clock, retries, is_repeatable=is_repeatable)
    assert attempts <= attempts_max
    assert sum(clock.slept_s) <= total_s_max + 1e-6
    assert all(0 < pause_s <= LONGEST_S + BUSY.retry_after_s for pause_s in clock.slept_s)
