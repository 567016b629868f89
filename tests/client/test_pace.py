"""Exponential backoff."""

from app.client.pace import RETRY_S_MAX, RETRY_S_MIN, Backoff


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
