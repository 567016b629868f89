"""Exponential backoff; repeated failures are logged once a minute."""

import logging

import pytest

from waypost.client.pace import PERIOD_S, RETRY_S_MAX, RETRY_S_MIN, SUBJECTS_MAX, Backoff, Notices


def test_each_failure_waits_longer_up_to_a_bound() -> None:
    backoff = Backoff(chance=lambda: 1.0)
    waits: list[float] = []
    for _ in range(100):
        backoff.failed(0)
        waits.append(backoff.retry_at_s)
    assert waits[0] == RETRY_S_MIN
    assert waits == sorted(waits)
    assert waits[-1] == RETRY_S_MAX


def test_a_success_resets_the_backoff() -> None:
    backoff = Backoff(chance=lambda: 1.0)
    for _ in range(9):
        backoff.failed(0)
    backoff.succeeded()
    assert backoff.retry_at_s < 0
    backoff.failed(10)
    assert backoff.retry_at_s == 10 + RETRY_S_MIN


def test_half_of_a_delay_is_random() -> None:
    for share in (0.0, 0.5, 1.0):
        backoff = Backoff(chance=lambda: share)  # noqa: B023  called within its iteration
        backoff.failed(0)
        assert backoff.retry_at_s == RETRY_S_MIN * (1 + share) / 2


LOG = logging.getLogger(__name__)


class Times:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records]


def test_a_subject_is_logged_once_a_period_with_the_number_suppressed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    times = Times()
    notices = Notices(LOG, now_s=times)
    assert [notices.say("a", f"it failed {number}") for number in range(4)] == [True, *[False] * 3]
    times.now_s = PERIOD_S
    assert notices.say("a", "it failed again")
    times.now_s = 2 * PERIOD_S
    assert notices.say("a", "and again")
    assert said(caplog) == [
        "it failed 0",
        "it failed again (3 similar lines suppressed)",
        "and again",
    ]


def test_each_subject_has_its_own_period(caplog: pytest.LogCaptureFixture) -> None:
    notices = Notices(LOG, now_s=Times())
    for subject in "abab":
        notices.say(subject, f"{subject} failed")
    assert said(caplog) == ["a failed", "b failed"]


def test_the_number_of_subjects_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    notices = Notices(LOG, now_s=Times())
    for number in range(SUBJECTS_MAX + 1):
        notices.say(str(number), "it failed")
    assert not notices.say("1", "still remembered")
    assert notices.say("0", "forgotten, and logged again")
    assert len(said(caplog)) == SUBJECTS_MAX + 2
