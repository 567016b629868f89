"""Waiting after failures."""

from app.agent.pace import RETRY_S_MAX, RETRY_S_MIN, Backoff


def test_each_failure_waits_longer_up_to_a_bound() -> None:
    backoff = Backoff()
    waits: list[float] = []
    for _ in range(100):
        backoff.failed(0)
        waits.append(backoff.retry_at_s)
    assert waits[0] == RETRY_S_MIN
    assert waits == sorted(waits)
    assert waits[-1] == RETRY_S_MAX


def test_a_success_ends_the_waiting() -> None:
    backoff = Backoff()
    for _ in range(9):
        backoff.failed(0)
    backoff.succeeded()
    assert backoff.retry_at_s < 0
    backoff.failed(10)
    assert backoff.retry_at_s == 10 + RETRY_S_MIN
