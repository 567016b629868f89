"""Limits on failures: per address, bounded, and forgiving."""

import logging
from datetime import timedelta
from ipaddress import ip_address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.api.credentials.failures import FailureLimit, SignatureLimit
from app.domain.addresses import Address
from tests.api.credentials.signing import NOW

HERE, THERE = ip_address("192.0.2.1"), ip_address("192.0.2.2")


def after(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def fail_often(limit: FailureLimit, times: int, address: Address | None = HERE) -> list[int]:
    return [limit.fail(address, now=NOW) for _ in range(times)]


def test_ten_failures_are_within_the_limit_and_then_one_in_six_seconds() -> None:
    limit = FailureLimit()
    assert fail_often(limit, 11) == [0] * 10 + [6]
    assert limit.fail(HERE, now=NOW + after(5.5)) == 1
    assert limit.fail(HERE, now=NOW + after(6)) == 0
    assert limit.fail(HERE, now=NOW + after(6)) == 6


@given(st.lists(st.floats(0, 30), max_size=60))
def test_no_more_failures_pass_than_the_bucket_holds(pauses: list[float]) -> None:
    limit, now, passed = FailureLimit(), NOW, 0
    for pause in pauses:
        now += after(pause)
        passed += limit.fail(HERE, now=now) == 0
    assert passed <= 10 + (now - NOW).total_seconds() / 6 + 1e-6


@example([0.0, 2.0])  # a third and two thirds are less than one
@given(st.lists(st.floats(-100, 100), max_size=30))
def test_the_wait_that_is_told_is_enough(steps: list[float]) -> None:
    limit, now = FailureLimit(failures_max=2), NOW
    for step in steps:
        now += after(step)
        limit.fail(HERE, now=now)
    if wait_s := limit.wait_s(HERE, now=now):
        assert 1 <= wait_s <= 6
        assert limit.wait_s(HERE, now=now + after(wait_s)) == 0


def test_one_address_does_not_use_up_that_of_another() -> None:
    limit = FailureLimit()
    fail_often(limit, 20)
    assert limit.wait_s(HERE, now=NOW) == 6
    assert limit.wait_s(THERE, now=NOW) == 0
    assert limit.wait_s(None, now=NOW) == 0


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8:0:1::1", "2001:db8::1", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("::192.0.2.1", "192.0.2.1", False),
    ],
)
def test_an_ipv6_network_of_64_bits_shares_a_bucket(one: str, other: str, *, shared: bool) -> None:
    limit = FailureLimit()
    fail_often(limit, 10, ip_address(one))
    assert (limit.wait_s(ip_address(other), now=NOW) > 0) == shared


def test_those_on_a_local_socket_share_one() -> None:
    assert fail_often(FailureLimit(), 11, None)[-1] == 6


def test_addresses_are_bounded_and_the_one_that_failed_longest_ago_is_dropped() -> None:
    limit = FailureLimit(failures_max=1, addresses_max=2)
    for number in range(3):
        limit.fail(ip_address(f"192.0.2.{number}"), now=NOW)
    waits = [limit.wait_s(ip_address(f"192.0.2.{number}"), now=NOW) for number in range(3)]
    assert [wait > 0 for wait in waits] == [False, True, True]


def test_a_clock_that_goes_back_gives_nothing() -> None:
    limit = FailureLimit(failures_max=1)
    limit.fail(HERE, now=NOW)
    assert limit.fail(HERE, now=NOW - after(1_000)) == 6


def test_the_first_beyond_the_limit_is_logged_once_with_its_address(
    caplog: pytest.LogCaptureFixture,
) -> None:
    limit = FailureLimit()
    with caplog.at_level(logging.WARNING):
        fail_often(limit, 30)
        limit.fail(HERE, now=NOW + after(6))
        limit.fail(HERE, now=NOW + after(6))
    assert [record.getMessage() for record in caplog.records] == [
        "too many failed authentications from 192.0.2.1"
    ] * 2


def test_so_many_signatures_are_checked_in_a_second() -> None:
    limit = SignatureLimit(signatures_max=200)
    assert sum(limit.take(now=NOW) for _ in range(500)) == 200
    assert sum(limit.take(now=NOW + after(0.5)) for _ in range(500)) == 100
    assert sum(limit.take(now=NOW + after(60)) for _ in range(500)) == 200
