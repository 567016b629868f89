"""The text form of times.

datetime -> RFC 3339 text in UTC, to the second

Source: spec kubernetes-api 1.2.
"""

from datetime import UTC, datetime


def format_time(moment: datetime) -> str:
    """Format a time by RFC 3339, in UTC with whole seconds."""
    return f"{moment.astimezone(UTC).isoformat()[:19]}Z"
