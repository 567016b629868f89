"""The text form of times: in UTC, to the second."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from app.domain.objects.meta import format_time


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05Z"),
        (datetime(2026, 1, 2, 3, 4, 5, 999_999, tzinfo=UTC), "2026-01-02T03:04:05Z"),
        (datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=5))), "2026-01-01T22:00:00Z"),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00Z"),
    ],
)
def test_a_time_is_formatted_in_utc_with_whole_seconds(moment: datetime, text: str) -> None:
    assert format_time(moment) == text
