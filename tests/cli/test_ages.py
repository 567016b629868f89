"""Ages are written as kubectl writes them."""

from datetime import UTC, datetime, timedelta

import pytest

from app.cli.ages import age, short_duration

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (-3, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (200, "3m20s"),
        (600, "10m"),
        (10_799, "179m"),
        (10_800, "3h"),
        (12_000, "3h20m"),
        (86_400, "24h"),
        (172_800, "2d"),
        (180_000, "2d2h"),
        (691_200, "8d"),
        (86_400 * 800, "2y70d"),
        (86_400 * 365 * 9, "9y"),
    ],
)
def test_a_duration_has_one_or_two_units(seconds: int, written: str) -> None:
    assert short_duration(seconds) == written


def test_an_age_counts_from_the_creation() -> None:
    assert age((NOW - timedelta(seconds=42)).isoformat(), NOW) == "42s"
    assert age("2026-01-01T11:00:00Z", NOW) == "60m"


def test_an_age_without_a_creation_is_unknown() -> None:
    assert age("", NOW) == "<unknown>"
    assert age("yesterday", NOW) == "<unknown>"
