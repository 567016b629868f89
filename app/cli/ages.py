"""The age of an object, as kubectl writes it.

    creationTimestamp, now -> 42s | 5m30s | 3h | 2y10d

Source: apimachinery `pkg/util/duration/duration.go`, `HumanDuration`.
"""

from datetime import datetime

UNKNOWN = "<unknown>"

MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
YEAR_D = 365
# Ages as kubectl rounds them: upper bound, the unit, and a smaller unit where it is shown as well.
_STEPS = (
    (2 * MINUTE_S, 1, "s", 0, ""),
    (10 * MINUTE_S, MINUTE_S, "m", 1, "s"),
    (3 * HOUR_S, MINUTE_S, "m", 0, ""),
    (8 * HOUR_S, HOUR_S, "h", MINUTE_S, "m"),
    (2 * DAY_S, HOUR_S, "h", 0, ""),
    (8 * DAY_S, DAY_S, "d", HOUR_S, "h"),
    (2 * YEAR_D * DAY_S, DAY_S, "d", 0, ""),
    (8 * YEAR_D * DAY_S, YEAR_D * DAY_S, "y", DAY_S, "d"),
)


def short_duration(seconds: int) -> str:
    """Format a duration with one or two units."""
    seconds = max(0, seconds)
    for below, unit_s, unit, smaller_s, smaller in _STEPS:
        if seconds < below:
            whole, rest = divmod(seconds, unit_s)
            part = rest // smaller_s if smaller_s else 0
            return f"{whole}{unit}{part}{smaller}" if part else f"{whole}{unit}"
    return f"{seconds // (YEAR_D * DAY_S)}y"


def age(created: str, now: datetime) -> str:
    """Format the age of an object from its creationTimestamp."""
    try:
        moment = datetime.fromisoformat(created)
    except ValueError:
        return UNKNOWN
    return short_duration(int((now - moment).total_seconds()))
